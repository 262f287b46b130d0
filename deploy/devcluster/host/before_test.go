package host

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestOnlyWhatIsDeadInFoldersThatWereNotThereBeforeIsRemoved(t *testing.T) {
	root := t.TempDir()
	file, old, young := filepath.Join(root, "before"), filepath.Join(root, "old"), filepath.Join(root, "young")
	shared := filepath.Join(root, "shared")
	must(t, os.Mkdir(old, 0o755))
	needs := Needs{Folders: []string{old, young, shared}, Home: "/run/ours"}
	must(t, needs.Remember(file))
	must(t, os.MkdirAll(filepath.Join(young, "deep"), 0o755))
	must(t, os.Symlink(filepath.Join(root, "nowhere"), filepath.Join(young, "link")))
	must(t, os.WriteFile(filepath.Join(young, "note"), []byte(`{"netns":"/run/ours/one"}`), 0o600))
	must(t, os.Mkdir(shared, 0o755))
	must(t, os.WriteFile(filepath.Join(shared, "somebody's"), nil, 0o600))
	alive, err := net.Listen("unix", filepath.Join(shared, "alive"))
	must(t, err)
	defer alive.Close()
	// Asked again while the cluster is up, it must not take the cluster's own folders for old ones.
	must(t, needs.Remember(file))
	must(t, needs.Restore(file))
	for path, want := range map[string]bool{
		old: true, young: false, filepath.Join(shared, "somebody's"): true, filepath.Join(shared, "alive"): true,
	} {
		if got := !missing(path); got != want {
			t.Errorf("%s is there: %v", path, got)
		}
	}
}

func TestASettingThatSomebodyChangedSinceStays(t *testing.T) {
	root := t.TempDir()
	name := filepath.Join("../..", root, "setting")
	say := func(value string) { must(t, os.WriteFile(filepath.Join(root, "setting"), []byte(value+"\n"), 0o600)) }
	needs := Needs{Settings: []Setting{{Name: name, Value: "1"}}}
	for since, want := range map[string]string{"1": "0", "7": "7"} {
		file := filepath.Join(t.TempDir(), "before")
		say("0")
		must(t, needs.Remember(file))
		must(t, needs.Set())
		say(since)
		must(t, needs.Restore(file))
		if !(Setting{name, want}).stands() {
			t.Errorf("it was 0, then 1, then %s: it is not %s now", since, want)
		}
	}
}

func TestNothingRememberedIsNothingToRestore(t *testing.T) {
	must(t, Needs{}.Restore(filepath.Join(t.TempDir(), "none")))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
