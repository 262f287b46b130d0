package host

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOnlyFoldersThatWereNotThereBeforeAreRemoved(t *testing.T) {
	root := t.TempDir()
	file, old, young := filepath.Join(root, "before"), filepath.Join(root, "old"), filepath.Join(root, "young")
	must(t, os.Mkdir(old, 0o755))
	must(t, Remember(file, nil, []string{old, young}))
	must(t, os.MkdirAll(filepath.Join(young, "deep"), 0o755))
	// Asked again while the cluster is up, it must not take the cluster's own folders for old ones.
	must(t, Remember(file, nil, []string{old, young}))
	must(t, Restore(file))
	if _, err := os.Stat(old); err != nil {
		t.Errorf("a folder that was there is gone: %v", err)
	}
	if _, err := os.Stat(young); err == nil {
		t.Error("a folder that was not there is left")
	}
}

func TestNothingRememberedIsNothingToRestore(t *testing.T) {
	must(t, Restore(filepath.Join(t.TempDir(), "none")))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
