// Where is everything? The addresses, the names and the folders of the cluster: one cluster a machine, so
// that all but the state folder is fixed, and `down` finds it whatever became of `up`.
package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/metaparticle-io/metaparticle/deploy/devcluster/host"
)

// DefaultState is the state folder where none is named.
const DefaultState = "/var/lib/metaparticle-devcluster"

const (
	// Sockets, and what must be found without knowing the state folder.
	runFolder = "/run/metaparticle-devcluster"
	groupName = "metaparticle-devcluster"
	bridges   = "mpdev"
	nodeNames = "devcluster-"

	podRange     = "10.244.0.0/16"
	serviceRange = "10.96.0.0/16"
	// The first bridge's address: this machine and every pod reach it, and nobody else does.
	address     = "10.244.0.1"
	server      = "https://" + address + ":6443"
	dnsService  = "10.96.0.10"
	etcdClients = "127.0.0.1:23790"
	etcdPeers   = "127.0.0.1:23800"
	registry    = "127.0.0.1:5000"
	pauseImage  = registry + "/pause:1"
)

// Surroundings are what this program and its children find around them: where system tools are, also for who
// became root without root's PATH, and no proxy before the cluster.
func Surroundings() error {
	path := os.Getenv("PATH") + ":/usr/local/sbin:/usr/sbin:/sbin"
	direct := []string{"127.0.0.1", "localhost", podRange, serviceRange, ".svc", ".cluster.local"}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		if own := os.Getenv(name); own != "" {
			direct = append(direct, own)
		}
	}
	without := strings.Join(direct, ",")
	return errors.Join(os.Setenv("PATH", path), os.Setenv("NO_PROXY", without), os.Setenv("no_proxy", without))
}

// What a node's programs change on this machine, wherever they live.
var needs = host.Needs{
	Settings: []host.Setting{
		{Name: "net/ipv4/ip_forward", Value: "1"},
		{Name: "net/bridge/bridge-nf-call-iptables", Value: "1"},
		{Name: "net/bridge/bridge-nf-call-ip6tables", Value: "1"},
		// These are kubelet's.
		{Name: "vm/overcommit_memory", Value: "1"}, {Name: "vm/panic_on_oom", Value: "0"},
		{Name: "kernel/panic", Value: "10"}, {Name: "kernel/panic_on_oops", Value: "1"},
		{Name: "kernel/keys/root_maxkeys", Value: "1000000"}, {Name: "kernel/keys/root_maxbytes", Value: "25000000"},
	},
	Modules: []string{"br_netfilter", "overlay"},
	Folders: []string{
		"/run/containerd", "/var/lib/kubelet", "/var/lib/cni", "/var/log/containers", "/var/log/pods",
		"/opt/containerd", "/opt/cni", "/etc/cni",
	},
	Home: runFolder,
}

// Place is where this cluster keeps what it writes.
type Place struct {
	State  string
	Groups host.Groups
}

// ErrNone says that there is nothing to act on.
var ErrNone = errors.New("no cluster is up on this machine: `devcluster up` (or `make cluster`) starts one")

func place(state string) (Place, error) {
	groups, err := host.FindGroups(groupName)
	return Place{State: state, Groups: groups}, err
}

// current finds the cluster that is up, or was when it was last heard of.
func current() (Place, error) {
	state, err := os.ReadFile(stateFile())
	if errors.Is(err, fs.ErrNotExist) {
		return Place{}, ErrNone
	}
	if err != nil {
		return Place{}, err
	}
	return place(strings.TrimSpace(string(state)))
}

func stateFile() string  { return filepath.Join(runFolder, "state") }
func beforeFile() string { return filepath.Join(runFolder, "before.json") }

func (p Place) file(parts ...string) string {
	return filepath.Join(append([]string{p.State}, parts...)...)
}

func (p Place) log(name string) string { return p.file("logs", name+".log") }

// Kubeconfig is the file of somebody: `admin`, or `guest`, who may do nothing until a role says so.
func (p Place) Kubeconfig(who string) string { return p.file(who + ".kubeconfig") }

// node is one kubelet with its containerd and its bridge; they are numbered from 0.
type node struct {
	Place
	Index int
}

func (n node) name() string    { return fmt.Sprintf("%s%d", nodeNames, n.Index) }
func (n node) bridge() string  { return fmt.Sprintf("%s%d", bridges, n.Index) }
func (n node) address() string { return fmt.Sprintf("10.244.%d.1", n.Index) }
func (n node) subnet() string  { return fmt.Sprintf("10.244.%d.0/24", n.Index) }
func (n node) group() string   { return n.Groups.Path(n.name()) }
func (n node) folder() string  { return n.file("nodes", n.name()) }
func (n node) socket() string  { return filepath.Join(runFolder, n.name(), "containerd.sock") }

// nodes are those that were ever started here, and always the first.
func (p Place) nodes() ([]node, error) {
	entries, err := os.ReadDir(p.file("nodes"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	all := []node{{Place: p}}
	for index := 1; index < len(entries); index++ {
		all = append(all, node{Place: p, Index: index})
	}
	return all, nil
}

func (n node) bridgeAddress() *net.IPNet {
	return &net.IPNet{IP: net.ParseIP(n.address()).To4(), Mask: net.CIDRMask(24, 32)}
}

// network reads one of our own ranges.
func network(text string) *net.IPNet {
	_, parsed, err := net.ParseCIDR(text)
	if err != nil {
		panic(err)
	}
	return parsed
}
