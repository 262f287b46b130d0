// In which order does a cluster come to life? What is there is kept, what is missing is started: so `up` can
// be run again after anything, and says what it found.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/metaparticle-io/metaparticle/deploy/devcluster/host"
	"github.com/metaparticle-io/metaparticle/deploy/devcluster/image"
)

// A loaded machine may need a minute where an idle one needs seconds.
const patience = 3 * time.Minute

// Up starts what does not run, and waits until a pod has run.
func Up(ctx context.Context, state string) error {
	begun := time.Now()
	held, err := lock(ctx)
	if err != nil {
		return err
	}
	defer held.Close()
	place, err := settle(state)
	if err != nil {
		return err
	}
	nodes, err := place.prepare()
	if err != nil {
		return err
	}
	started, err := place.start(ctx, nodes)
	if err != nil {
		return err
	}
	if started == 0 {
		fmt.Println("the cluster was up already")
	} else if err := place.prove(ctx, nodes); err != nil {
		return err
	}
	fmt.Printf("up in %.1f s: logs in %s\n\n", time.Since(begun).Seconds(), place.file("logs"))
	place.tell()
	return nil
}

// settle decides where this cluster lives, and refuses what would not end well.
func settle(state string) (Place, error) {
	if os.Geteuid() != 0 {
		return Place{}, errors.New("containers, bridges and cgroups need root: run this with sudo")
	}
	if now, err := current(); err == nil && now.State != state {
		if state != DefaultState {
			return Place{}, fmt.Errorf("this machine's cluster is already up, in %s: `devcluster down` ends it", now.State)
		}
		return now, nil
	} else if err != nil && !errors.Is(err, errNone) {
		return Place{}, err
	}
	if err := installed(); err != nil {
		return Place{}, err
	}
	if err := os.MkdirAll(runFolder, 0o700); err != nil {
		return Place{}, err
	}
	if err := alone(); err != nil {
		return Place{}, errors.Join(err, os.Remove(runFolder))
	}
	if err := host.Remember(beforeFile(), settings, folders); err != nil {
		return Place{}, err
	}
	if err := os.WriteFile(stateFile(), []byte(state), 0o600); err != nil {
		return Place{}, err
	}
	return place(state)
}

// installed names all packages that are missing, at once.
func installed() error {
	var missing []string
	for path, packet := range map[string]string{
		"/usr/bin/containerd": "containerd", "/usr/sbin/runc": "runc", "/usr/sbin/nft": "nftables",
		"/usr/bin/docker-registry": "docker-registry", plugins + "/bridge": "containernetworking-plugins",
	} {
		if _, err := os.Stat(path); err != nil {
			missing = append(missing, packet)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("packages are missing (`make cluster` installs them): apt-get install --no-install-recommends %s",
		strings.Join(missing, " "))
}

// alone makes sure that the rules we will delete are not somebody else's.
func alone() error {
	if _, err := os.Stat(beforeFile()); err == nil {
		return nil
	}
	tables, err := host.Tables()
	if err != nil {
		return err
	}
	for _, table := range tables {
		if table == "ip "+proxyTable || table == "ip6 "+proxyTable {
			return errors.New("another kube-proxy has its rules here, so this machine is a node of some cluster: " +
				"run the development cluster on another one, or use that one with CLUSTER=existing")
		}
	}
	return nil
}

// prepare makes all that programs expect to find.
func (p Place) prepare() ([]node, error) {
	if err := p.configure(); err != nil {
		return nil, err
	}
	if err := p.identify(); err != nil {
		return nil, err
	}
	for _, setting := range settings[:3] {
		if err := host.Set(setting, "1"); err != nil {
			return nil, err
		}
	}
	if err := p.filter(); err != nil {
		return nil, err
	}
	nodes, err := p.nodes()
	if err != nil {
		return nil, err
	}
	if len(nodes) == 0 {
		nodes = []node{{Place: p}}
	}
	for _, node := range nodes {
		if err := node.prepare(); err != nil {
			return nil, err
		}
	}
	return nodes, nil
}

// start brings up what others need first, and tells how many did not run.
func (p Place) start(ctx context.Context, nodes []node) (int, error) {
	storage := []part{p.etcd(), p.registry()}
	var kubelets []part
	for _, node := range nodes {
		storage = append(storage, node.containerd())
		kubelets = append(kubelets, node.kubelet())
	}
	rest := append([]part{p.controllers(), p.scheduler(), p.proxy(), p.dns()}, kubelets...)

	started, err := p.bring(ctx, storage)
	if err != nil {
		return started, err
	}
	if err := image.Push(ctx, registry, "pause", "1", pauseProgram()); err != nil {
		return started, fmt.Errorf("cannot push the pause image: %w", err)
	}
	more, err := p.bring(ctx, []part{p.apiserver()})
	if started += more; err != nil {
		return started, err
	}
	if more > 0 {
		if err := p.apply(ctx); err != nil {
			return started, err
		}
	}
	more, err = p.bring(ctx, rest)
	return started + more, err
}

// bring starts those of the parts that do not run, all at once, and waits for every one.
func (p Place) bring(ctx context.Context, parts []part) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	started := 0
	for _, part := range parts {
		if pid := p.Groups.Running(part.Program); pid != 0 {
			fmt.Printf("  %-32s runs (pid %d)\n", part.label(), pid)
			continue
		}
		if err := p.Groups.Start(part.Program); err != nil {
			return started, err
		}
		started++
	}
	begun := time.Now()
	for _, part := range parts {
		if err := p.await(ctx, part); err != nil {
			return started, err
		}
		if started > 0 {
			fmt.Printf("  %-32s ready after %.1f s\n", part.label(), time.Since(begun).Seconds())
		}
	}
	return started, nil
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

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
