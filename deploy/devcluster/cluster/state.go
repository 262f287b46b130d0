// Whose is the state folder? Ours when `up` made it, or found it empty; a file in it says so, and what has no
// such file is never written to nor taken away.
package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/metaparticle-io/metaparticle/deploy/devcluster/host"
)

// The mark says whether the folder was there before.
const (
	markName = ".metaparticle-devcluster"
	wasHere  = "an empty folder that was here\n"
	madeHere = "a folder that devcluster made\n"
)

// resolved is the folder's path without links: nothing is done through one.
func resolved(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) && path != filepath.Dir(path) {
		parent, err := resolved(filepath.Dir(path))
		return filepath.Join(parent, filepath.Base(path)), err
	}
	return real, err
}

func marked(folder string) bool { return exists(filepath.Join(folder, markName)) }

// usable refuses a folder that holds something else.
func usable(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) || marked(folder) {
		return nil
	}
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s has files that are not the cluster's, and `down` deletes its state: name an empty folder, "+
			"or one that is not there", folder)
	}
	return err
}

// claim makes the folder ours.
func claim(folder string) error {
	if marked(folder) {
		return nil
	}
	origin := wasHere
	if !exists(folder) {
		origin = madeHere
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return host.WriteWhole(filepath.Join(folder, markName), []byte(origin))
}

func (p Place) release() error {
	if p.State == "" {
		return nil
	}
	return release(p.State)
}

// release takes a folder of ours away, the mark last: a `down` that was killed can be run again.
func release(folder string) error {
	folder, err := resolved(folder)
	if err != nil {
		return err
	}
	mark := filepath.Join(folder, markName)
	origin, err := os.ReadFile(mark)
	if errors.Is(err, fs.ErrNotExist) {
		return disown(folder)
	}
	if err != nil {
		return err
	}
	if err := host.Unmount(folder); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == markName {
			continue
		}
		if err := os.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
			return err
		}
	}
	if err := os.Remove(mark); err != nil || string(origin) == wasHere {
		return err
	}
	return os.Remove(folder)
}

// disown takes of a folder without the mark only what has a node's name, and what is nobody's: whoever deletes
// a state while its cluster runs deletes neither the mounts of pods nor what kubelet writes after it.
func disown(folder string) error {
	mistakes := host.Unmount(filepath.Join(folder, "nodes"))
	nodes, _ := filepath.Glob(filepath.Join(folder, "nodes", nodeNames+"*"))
	for _, node := range nodes {
		if mistakes == nil {
			mistakes = os.RemoveAll(node)
		}
	}
	if err := errors.Join(mistakes, host.Sweep(folder, "")); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err == nil && len(entries) > 0 {
		return fmt.Errorf("%s has not the mark of a state folder, and %d entries: they are left; "+
			"delete them yourself if none is yours", folder, len(entries))
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
