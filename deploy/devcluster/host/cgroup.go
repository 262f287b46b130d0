// Which processes belong to the cluster? Those in its cgroup: a child is born inside and cannot leave
// unnoticed, so the kernel's list is true even after anything of it was killed.
package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Groups is the cluster's place in every cgroup hierarchy of this machine.
type Groups struct {
	name    string
	tracker string   // in the v2 hierarchy: pure, or beside v1 ones
	all     []string // in all hierarchies
}

// FindGroups says where groups of this name stand, or would stand.
func FindGroups(name string) (Groups, error) {
	mounts, err := Mounts()
	if err != nil {
		return Groups{}, err
	}
	groups := Groups{name: name}
	for _, mount := range mounts {
		path := filepath.Join(mount.Path, name)
		switch mount.Type {
		case "cgroup":
			groups.all = append(groups.all, path)
		case "cgroup2":
			groups.all = append(groups.all, path)
			if groups.tracker == "" {
				groups.tracker = path
			}
		}
	}
	if groups.tracker == "" {
		return Groups{}, errors.New("no cgroup v2 hierarchy is mounted, and the cluster's processes are kept in one: " +
			"mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified, then run this again")
	}
	return groups, nil
}

// Make creates a group below the cluster's in every hierarchy; kubelet wants its root to be there.
func (g Groups) Make(below string) error {
	for _, root := range g.all {
		if err := os.MkdirAll(filepath.Join(root, below), 0o755); err != nil {
			return fmt.Errorf("cannot make a cgroup (is /sys/fs/cgroup writable?): %w", err)
		}
	}
	return nil
}

// Path is what runtimes call such a group: the same in every hierarchy.
func (g Groups) Path(below string) string { return filepath.Join("/", g.name, below) }

// Kill ends every process of the cluster, pods included; when none is left, it tells which they were.
func (g Groups) Kill(ctx context.Context) (map[int]bool, error) {
	killed := map[int]bool{}
	return killed, Until(ctx, "the cluster's processes to end", func() (bool, error) {
		left := 0
		for _, root := range g.all {
			pids, err := members(root)
			if err != nil {
				return false, err
			}
			left += len(pids)
			for _, pid := range pids {
				killed[pid] = true
			}
			if len(pids) > 0 {
				killAll(root, pids)
			}
		}
		return left == 0, nil
	})
}

// Reaped waits until the machine's first process took notice; some of them look only now and then.
func Reaped(ctx context.Context, pids map[int]bool) error {
	return Until(ctx, "init to take the ended processes from its list", func() (bool, error) {
		for pid := range pids {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if _, after, _ := strings.Cut(string(stat), ") "); err == nil && strings.HasPrefix(after, "Z") {
				return false, nil
			}
			delete(pids, pid)
		}
		return true, nil
	})
}

// killAll takes the whole tree at once where the kernel can, so that nobody forks away.
func killAll(root string, pids []int) {
	if os.WriteFile(filepath.Join(root, "cgroup.kill"), []byte("1"), 0o644) == nil {
		return
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// Remove takes the empty groups away, leaves first.
func (g Groups) Remove(ctx context.Context) error {
	return Until(ctx, "the cluster's cgroups to become empty", func() (bool, error) {
		gone := true
		for _, root := range g.all {
			folders, err := foldersOf(root)
			if err != nil {
				return false, err
			}
			for i := len(folders) - 1; i >= 0; i-- {
				if err := syscall.Rmdir(folders[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
					gone = false
				}
			}
		}
		return gone, nil
	})
}

// Left names the groups that are there.
func (g Groups) Left() []string {
	var left []string
	for _, root := range g.all {
		if _, err := os.Stat(root); err == nil {
			left = append(left, root)
		}
	}
	return left
}

func foldersOf(root string) ([]string, error) {
	var folders []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a group that ended while we looked
		}
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		return err
	})
	return folders, err
}

func members(root string) ([]int, error) {
	folders, err := foldersOf(root)
	if err != nil {
		return nil, err
	}
	var all []int
	for _, folder := range folders {
		pids, err := pidsOf(folder)
		if err != nil {
			return nil, err
		}
		all = append(all, pids...)
	}
	return all, nil
}

func pidsOf(group string) ([]int, error) {
	file, err := os.Open(filepath.Join(group, "cgroup.procs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var pids []int
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var pid int
		if _, err := fmt.Sscan(strings.TrimSpace(lines.Text()), &pid); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// Until looks again and again, shortly after one another, until the condition holds or the time is over.
func Until(ctx context.Context, what string, holds func() (bool, error)) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := holds()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
