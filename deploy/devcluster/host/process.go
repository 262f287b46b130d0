// How is a part of the cluster started so that it outlives us, and found again so that nobody keeps a pid?
package host

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Program is what to run: `Name` is its first argument and the name of its group.
type Program struct {
	Name string
	Path string
	Args []string
	Log  string
	// What it finds in its environment beside ours.
	Env []string
	// Where several of a kind run, the group has its own name.
	Group string
}

func (p Program) group() string {
	if p.Group != "" {
		return p.Group
	}
	return p.Name
}

// Start runs it in a session of its own, inside its group from its first instruction.
func (g Groups) Start(program Program) error {
	folder := filepath.Join(g.tracker, program.group())
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	group, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer group.Close()
	log, err := os.OpenFile(program.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Cmd{
		Path:   program.Path,
		Args:   append([]string{program.Name}, program.Args...),
		Env:    append(os.Environ(), program.Env...),
		Stdout: log,
		Stderr: log,
		SysProcAttr: &syscall.SysProcAttr{
			Setsid:      true,
			UseCgroupFD: true,
			CgroupFD:    int(group.Fd()),
		},
	}
	if err := keepToOurselves(); err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("cannot start %s: %w", program.Name, err)
	}
	// Who waits for it is whoever outlives us; until then it must not stay a zombie.
	go func() { _ = command.Wait() }()
	return nil
}

// keepToOurselves lets no file pass on that whoever started us left open: a lock or a pipe of theirs would be
// held for as long as the cluster is up.
func keepToOurselves() error {
	files, err := os.ReadDir("/proc/self/fd")
	for _, file := range files {
		if number, err := strconv.Atoi(file.Name()); err == nil && number > 2 {
			syscall.CloseOnExec(number)
		}
	}
	return err
}

// Running gives the pid of a program, or 0. What containers run may stand in the same group, under other names.
func (g Groups) Running(program Program) int {
	pids, _ := pidsOf(filepath.Join(g.tracker, program.group()))
	for _, pid := range pids {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if first, _, _ := strings.Cut(string(line), "\x00"); err == nil && filepath.Base(first) == program.Name {
			return pid
		}
	}
	return 0
}

// Signal tells a program that runs to end, and says whether there was one.
func (g Groups) Signal(program Program, signal syscall.Signal) bool {
	pid := g.Running(program)
	return pid != 0 && syscall.Kill(pid, signal) == nil
}

// Tail is the end of a log, for the message that says where to look.
func Tail(path string, lines int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return strings.Join(all, "\n")
}
