// What is mounted on this machine, and how does what we mounted go away?
package host

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// Mount is one line of the kernel's list.
type Mount struct{ Path, Type string }

// Mounts reads the kernel's list, in the order of mounting.
func Mounts() ([]Mount, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	return parseMounts(string(text)), nil
}

func parseMounts(text string) []Mount {
	var mounts []Mount
	for line := range strings.Lines(text) {
		before, after, found := strings.Cut(line, " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if found && len(fields) > 4 && len(kind) > 0 {
			mounts = append(mounts, Mount{Path: unescape.Replace(fields[4]), Type: kind[0]})
		}
	}
	return mounts
}

// The kernel writes these four in octal.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// Below tells the mounts at a folder and under it.
func Below(mounts []Mount, folder string) []Mount {
	var below []Mount
	for _, mount := range mounts {
		if mount.Path == folder || strings.HasPrefix(mount.Path, folder+"/") {
			below = append(below, mount)
		}
	}
	return below
}

// Unmount takes away all that is mounted under a folder, last first, and makes sure of it: what is deleted
// afterwards is the folder's own.
func Unmount(folder string) error {
	mounts, err := Mounts()
	if err != nil {
		return err
	}
	below := Below(mounts, folder)
	for i := len(below) - 1; i >= 0; i-- {
		if err := syscall.Unmount(below[i].Path, syscall.MNT_DETACH); err != nil {
			return fmt.Errorf("cannot unmount %s: %w", below[i].Path, err)
		}
	}
	if mounts, err = Mounts(); err != nil {
		return err
	}
	if left := Below(mounts, folder); len(left) > 0 {
		return fmt.Errorf("%s is mounted again: who does that?", left[0].Path)
	}
	return nil
}
