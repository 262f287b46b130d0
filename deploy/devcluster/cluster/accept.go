// Can a cluster live on this machine? Everything that would not end well is told before anything is changed.
package cluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/metaparticle-io/metaparticle/deploy/devcluster/host"
)

// Where distributions put the CNI plugins.
var pluginFolders = []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}

func pluginFolder() string {
	for _, folder := range pluginFolders {
		if exists(filepath.Join(folder, "bridge")) {
			return folder
		}
	}
	return ""
}

func found(tool string) string {
	path, _ := exec.LookPath(tool)
	return path
}

// installed names all packages that are missing, at once.
func installed() error {
	var missing []string
	for tool, packet := range map[string]string{
		"containerd": "containerd", "runc": "runc", "nft": "nftables", "docker-registry": "docker-registry",
	} {
		if found(tool) == "" {
			missing = append(missing, packet)
		}
	}
	if pluginFolder() == "" {
		missing = append(missing, "containernetworking-plugins")
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("packages are missing (`make cluster` installs them): apt-get install --no-install-recommends %s",
		strings.Join(missing, " "))
}

// acceptable asks about a machine on which no cluster is known to be; all that speaks against it is told.
func (p Place) acceptable() error {
	if err := installed(); err != nil {
		return err
	}
	left, err := p.leftovers()
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("a former cluster left %s: `devcluster down` takes it away", strings.Join(left, ", "))
	}
	if err != nil {
		return err
	}
	return errors.Join(usable(p.State), alone(), unrouted())
}

// leftovers are things under names of ours.
func (p Place) leftovers() ([]string, error) {
	links, linked := host.Bridges(bridges)
	tables, filtered := host.Tables()
	left := append(p.Groups.Left(), links...)
	if slices.Contains(tables, "ip "+ourTable) {
		left = append(left, "the table ip "+ourTable)
	}
	return left, errors.Join(linked, filtered)
}

// alone refuses rules of another cluster, which ours would delete, and rules that would drop our pods' packets.
func alone() error {
	chains, err := host.Chains()
	if err != nil {
		return err
	}
	var mistakes []error
	for _, chain := range chains {
		if strings.HasSuffix(chain.Table, " "+proxyTable) || strings.HasPrefix(chain.Name, "KUBE-SERVICES") {
			return errors.New("another kube-proxy has its rules here, so this machine is a node of some cluster: " +
				"run the development cluster on another one, or use that one with CLUSTER=existing")
		}
		if !chain.DropsForwarded {
			continue
		}
		let, err := chain.Mentions(bridges)
		if err == nil && !let {
			err = fmt.Errorf("the chain %s %s drops what this machine forwards, and so what pods send: "+
				"nft insert rule %[1]s %[2]s iifname '%[3]s*' accept; nft insert rule %[1]s %[2]s oifname '%[3]s*' accept",
				chain.Table, chain.Name, bridges)
		}
		mistakes = append(mistakes, err)
	}
	return errors.Join(mistakes...)
}

// unrouted refuses ranges that this machine knows already, and a name server that would not be reached any more.
func unrouted() error {
	taken, err := host.Taken(network(podRange), network(serviceRange))
	if err != nil {
		return err
	}
	if len(taken) > 0 {
		return fmt.Errorf("the cluster wants %s and %s for its pods and services, but %s: take that down first",
			podRange, serviceRange, strings.Join(taken, ", "))
	}
	text, _ := os.ReadFile("/etc/resolv.conf")
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if at := net.ParseIP(fields[1]); network(podRange).Contains(at) || network(serviceRange).Contains(at) {
			return fmt.Errorf("/etc/resolv.conf names %s, an address that the cluster wants for itself", fields[1])
		}
	}
	return nil
}

// unheard names all ports that somebody else holds, before any part is started that wants one.
func (p Place) unheard(nodes []node) error {
	var wanted []string
	for _, stage := range p.stages(nodes) {
		for _, part := range stage {
			if p.Groups.Running(part.Program) == 0 {
				wanted = append(wanted, part.listens...)
			}
		}
	}
	busy, err := host.Busy(wanted)
	if err == nil && len(busy) > 0 {
		err = fmt.Errorf("somebody else listens where the cluster wants to: %s", strings.Join(busy, ", "))
	}
	return err
}
