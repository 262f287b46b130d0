// What was here before the cluster? Settings and modules of the kernel, and folders that its programs change
// and create wherever they are told to live; written down first, so that `down` can put them back.
package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Setting is a file below /proc/sys, and what the cluster wants it to say.
type Setting struct{ Name, Value string }

// Needs is what the cluster changes outside of its own folders.
type Needs struct {
	Settings []Setting
	Modules  []string
	Folders  []string
	// A path that stands in every note that a program of the cluster makes in those folders.
	Home string
}

// before is the machine as it was.
type before struct {
	Settings map[string]string // what they said
	Unloaded []string          // modules that were not loaded
	Missing  []string          // folders that were not there
}

// Remember writes down what there is, unless it was written down already.
func (n Needs) Remember(file string) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	before := before{Settings: map[string]string{}}
	for _, setting := range n.Settings {
		if value, err := os.ReadFile(setting.path()); err == nil {
			before.Settings[setting.Name] = strings.TrimSpace(string(value))
		}
	}
	for _, module := range n.Modules {
		if missing(filepath.Join("/sys/module", module)) {
			before.Unloaded = append(before.Unloaded, module)
		}
	}
	for _, folder := range n.Folders {
		if missing(folder) {
			before.Missing = append(before.Missing, folder)
		}
	}
	text, err := json.MarshalIndent(before, "", "  ")
	if err != nil {
		return err
	}
	return WriteWhole(file, text)
}

// Set loads the modules and writes the settings. A module may be built in, or its work be there under another
// name: whether the settings can be written tells.
func (n Needs) Set() error {
	for _, module := range n.Modules {
		if missing(filepath.Join("/sys/module", module)) {
			_ = exec.Command("modprobe", "--quiet", module).Run()
		}
	}
	for _, setting := range n.Settings {
		if err := setting.write(setting.Value); err != nil {
			return fmt.Errorf("%w; does this kernel have the modules (`modprobe -a %s`)?", err, strings.Join(n.Modules, " "))
		}
	}
	return nil
}

// Restore puts back what still is as the cluster made it; what somebody changed since is theirs.
func (n Needs) Restore(file string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var before before
	if err := json.Unmarshal(text, &before); err != nil {
		return fmt.Errorf("%s is damaged: %w", file, err)
	}
	var mistakes []error
	for _, setting := range n.Settings {
		if was, known := before.Settings[setting.Name]; known && setting.stands() {
			mistakes = append(mistakes, setting.write(was))
		}
	}
	for _, module := range before.Unloaded {
		// Where somebody needs it now, it stays.
		_ = exec.Command("modprobe", "--quiet", "--remove", module).Run()
	}
	for _, folder := range before.Missing {
		mistakes = append(mistakes, Sweep(folder, n.Home))
	}
	return errors.Join(mistakes...)
}

func (s Setting) path() string { return filepath.Join("/proc/sys", s.Name) }

func (s Setting) stands() bool {
	now, err := os.ReadFile(s.path())
	return err == nil && strings.TrimSpace(string(now)) == s.Value
}

func (s Setting) write(value string) error {
	if (Setting{s.Name, value}).stands() {
		return nil
	}
	if err := os.WriteFile(s.path(), []byte(value), 0o644); err != nil {
		return fmt.Errorf("cannot set %s to %s: %w", s.Name, value, err)
	}
	return nil
}

// Sweep takes away what dead programs leave: sockets that nobody listens on, links to nowhere, notes about
// things in the cluster's home, and then folders that are empty. All else is somebody's, and stays.
func Sweep(folder, home string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		if entry.IsDir() {
			err = errors.Join(err, Sweep(path, home))
		} else if left(path, home, entry.Type()) {
			err = errors.Join(err, os.Remove(path))
		}
	}
	// What is in it keeps it.
	_ = os.Remove(folder)
	return err
}

// left tells whether it is something that the cluster's programs left there.
func left(path, home string, kind fs.FileMode) bool {
	switch {
	case kind&fs.ModeSocket != 0:
		connection, err := net.Dial("unix", path)
		if err == nil {
			_ = connection.Close()
		}
		return err != nil
	case kind&fs.ModeSymlink != 0:
		return missing(path)
	case kind.IsRegular() && home != "":
		text, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(text), home)
	}
	return false
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// WriteWhole writes a file whole or not at all: half a memory would be believed.
func WriteWhole(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
