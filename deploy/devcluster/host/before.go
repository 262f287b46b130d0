// What was here before the cluster? Settings of the kernel and folders that its programs change and create
// wherever they are told to live; written down first, so that `down` can put them back.
package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Before is the machine as it was.
type Before struct {
	Settings map[string]string // files below /proc/sys and what they said
	Missing  []string          // folders that were not there
}

// Remember writes down what there is, unless it was written down already.
func Remember(file string, settings, folders []string) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	before := Before{Settings: map[string]string{}}
	for _, setting := range settings {
		if value, err := os.ReadFile(filepath.Join("/proc/sys", setting)); err == nil {
			before.Settings[setting] = strings.TrimSpace(string(value))
		}
	}
	for _, folder := range folders {
		if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
			before.Missing = append(before.Missing, folder)
		}
	}
	text, err := json.MarshalIndent(before, "", "  ")
	if err != nil {
		return err
	}
	// Whole or not at all: half a memory would be believed.
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// Restore puts it back.
func Restore(file string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var before Before
	if err := json.Unmarshal(text, &before); err != nil {
		return fmt.Errorf("%s is damaged: %w", file, err)
	}
	var mistakes []error
	for setting, value := range before.Settings {
		mistakes = append(mistakes, Set(setting, value))
	}
	for _, folder := range before.Missing {
		mistakes = append(mistakes, Unmount(folder), os.RemoveAll(folder))
	}
	return errors.Join(mistakes...)
}

// Set writes a setting of the kernel, if it does not say so already.
func Set(setting, value string) error {
	path := filepath.Join("/proc/sys", setting)
	if now, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(now)) == value {
		return nil
	}
	if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
		return fmt.Errorf("cannot set %s to %s: %w", setting, value, err)
	}
	return nil
}
