package cluster

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAFolderWithSomebodysFilesIsNeitherUsedNorReleased(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "letter")
	must(t, os.WriteFile(file, nil, 0o600))
	if usable(folder) == nil {
		t.Error("it is used")
	}
	if _, err := unknown(folder); err == nil {
		t.Error("`down` takes it for one of ours")
	}
	if release(folder) == nil || !exists(file) {
		t.Error("it is released")
	}
}

func TestADeletedStateThatMountsKeptIsTakenAwayAndAnEmptyFolderIsNot(t *testing.T) {
	folder := t.TempDir()
	if now, err := unknown(folder); err != nil || now.State != "" {
		t.Errorf("`down` takes an empty folder for a state: %v, %v", now, err)
	}
	must(t, os.MkdirAll(filepath.Join(folder, "nodes", "devcluster-0"), 0o700))
	must(t, os.WriteFile(filepath.Join(folder, "nodes", "devcluster-0", "log"), nil, 0o600))
	must(t, release(folder))
	if exists(folder) {
		t.Error("it is left")
	}
}

func TestAFolderIsReleasedAsItWasFound(t *testing.T) {
	old, young := t.TempDir(), filepath.Join(t.TempDir(), "deep", "young")
	for _, folder := range []string{old, young} {
		must(t, usable(folder))
		must(t, claim(folder))
		must(t, os.MkdirAll(filepath.Join(folder, "etcd"), 0o700))
		// `up` again.
		must(t, usable(folder))
		must(t, claim(folder))
		must(t, release(folder))
	}
	if left, err := os.ReadDir(old); err != nil || len(left) > 0 {
		t.Errorf("the folder that was there: %v, %v", left, err)
	}
	if exists(young) {
		t.Error("the folder that was not there is left")
	}
	must(t, release(young))
}

func TestAPathIsWithoutLinksEvenWhereItsEndIsNotThere(t *testing.T) {
	root := t.TempDir()
	must(t, os.Symlink(root, filepath.Join(root, "link")))
	got, err := resolved(filepath.Join(root, "link", "a", "b"))
	must(t, err)
	if want := filepath.Join(root, "a", "b"); got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
