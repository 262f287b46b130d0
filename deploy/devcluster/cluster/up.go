// In which order does a cluster come to life? What is there is kept, what is missing is started: so `up` can
// be run again after anything, and says what it found.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/metaparticle-io/metaparticle/deploy/devcluster/host"
	"github.com/metaparticle-io/metaparticle/deploy/devcluster/image"
)

// A loaded machine may need a minute where an idle one needs seconds.
const patience = 3 * time.Minute

// Up starts what does not run, and waits until a pod has run.
func Up(ctx context.Context, state string) error {
	return exclusive(ctx, func() error {
		begun := time.Now()
		place, err := choose(state)
		if err != nil {
			return err
		}
		nodes, err := place.prepare()
		if err != nil {
			return err
		}
		if err := place.start(ctx, nodes); err != nil {
			return err
		}
		if err := place.prove(ctx, nodes); err != nil {
			return err
		}
		fmt.Printf("up in %.1f s: logs in %s\n\n", time.Since(begun).Seconds(), place.file("logs"))
		place.tell()
		return nil
	})
}

// choose decides where this cluster lives, and changes nothing before all that would not end well is refused.
func choose(state string) (Place, error) {
	if os.Geteuid() != 0 {
		return Place{}, errors.New("containers, bridges and cgroups need root: run this with sudo")
	}
	state, err := resolved(state)
	if err != nil {
		return Place{}, err
	}
	now, err := current()
	switch {
	case errors.Is(err, ErrNone):
		if now, err = place(state); err == nil {
			err = now.acceptable()
		}
	case err == nil && now.State != state:
		fmt.Printf("this machine's cluster is in %s: that one it is\n", now.State)
	}
	if err != nil {
		return Place{}, err
	}
	nodes, err := now.nodes()
	if err != nil {
		return Place{}, err
	}
	if err := now.unheard(nodes); err != nil {
		return Place{}, err
	}
	return now, now.settle()
}

// settle writes down what was here, and where the cluster is: from now on `down` knows.
func (p Place) settle() error {
	if err := os.MkdirAll(runFolder, 0o700); err != nil {
		return err
	}
	if err := needs.Remember(beforeFile()); err != nil {
		return err
	}
	if err := host.WriteWhole(stateFile(), []byte(p.State)); err != nil {
		return err
	}
	if alive := p.Groups.Running(p.etcd().Program) != 0; alive && !marked(p.State) {
		return fmt.Errorf("%s was deleted while its cluster ran: `devcluster down` ends what is left of it", p.State)
	}
	if err := usable(p.State); err != nil {
		return err
	}
	return claim(p.State)
}

// prepare makes all that programs expect to find.
func (p Place) prepare() ([]node, error) {
	if err := errors.Join(p.configure(), p.identify(), needs.Set()); err != nil {
		return nil, err
	}
	nodes, err := p.nodes()
	if err != nil {
		return nil, err
	}
	for _, node := range nodes {
		if err := node.prepare(); err != nil {
			return nil, err
		}
	}
	return nodes, p.filter()
}

// start brings up what others need first.
func (p Place) start(ctx context.Context, nodes []node) error {
	stages := p.stages(nodes)
	if err := p.bring(ctx, stages[0]); err != nil {
		return err
	}
	if err := image.Push(ctx, registry, "pause", "1", pauseProgram()); err != nil {
		return fmt.Errorf("cannot push the pause image: %w", err)
	}
	if err := p.bring(ctx, stages[1]); err != nil {
		return err
	}
	if err := p.apply(ctx); err != nil {
		return err
	}
	if err := p.renewProxy(ctx); err != nil {
		return err
	}
	return p.bring(ctx, stages[2])
}

// renewProxy ends a proxy whose tables somebody flushed: it would not notice for an hour.
func (p Place) renewProxy(ctx context.Context) error {
	tables, err := host.Tables()
	if err != nil || slices.Contains(tables, "ip "+proxyTable) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p.Groups.Signal(p.proxy().Program, syscall.SIGKILL)
	return p.gone(ctx, p.proxy())
}

// bring starts those of the parts that do not run, all at once, and waits for every one.
func (p Place) bring(ctx context.Context, parts []part) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	begun, running := time.Now(), map[string]int{}
	for _, part := range parts {
		if pid := p.Groups.Running(part.Program); pid != 0 {
			running[part.label()] = pid
		} else if err := p.Groups.Start(part.Program); err != nil {
			return err
		}
	}
	for _, part := range parts {
		if err := p.await(ctx, part); err != nil {
			return err
		}
		if pid := running[part.label()]; pid != 0 {
			fmt.Printf("  %-32s runs (pid %d)\n", part.label(), pid)
		} else {
			fmt.Printf("  %-32s ready after %.1f s\n", part.label(), time.Since(begun).Seconds())
		}
	}
	return nil
}

// await ends with the part's readiness, or with its death and the last words of its log.
func (p Place) await(ctx context.Context, part part) error {
	err := host.Until(ctx, part.Name+" to be ready", func() (bool, error) {
		if p.Groups.Running(part.Program) == 0 {
			return false, fmt.Errorf("%s ended", part.Name)
		}
		return part.ready(ctx), nil
	})
	if err != nil {
		return fmt.Errorf("%w; the end of its log, %s:\n%s", err, part.Log, host.Tail(part.Log, 12))
	}
	return nil
}

// The pause program is built beside this one.
func pauseProgram() string {
	self, err := os.Executable()
	if err != nil {
		return "pause"
	}
	return filepath.Join(filepath.Dir(self), "pause")
}

// tell prints what a shell needs to use the cluster.
func (p Place) tell() {
	if _, err := exec.LookPath("kubectl"); errors.Is(err, exec.ErrNotFound) {
		if link := filepath.Join(filepath.Dir(pauseProgram()), "kubectl"); exists(link) {
			fmt.Printf("export PATH=%s:$PATH\n", filepath.Dir(link))
		}
	}
	fmt.Printf("export KUBECONFIG=%s\n", p.Kubeconfig("admin"))
}
