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

	podRange     = "10.244.0.0/16"
	serviceRange = "10.96.0.0/16"
	// The first bridge's address: this machine and every pod reach it, and nobody else does.
	address    = "10.244.0.1"
	server     = "https://" + address + ":6443"
	dnsService = "10.96.0.10"
	etcdServer = "https://127.0.0.1:23790"
	registry   = "127.0.0.1:5000"
	pauseImage = registry + "/pause:1"
	plugins    = "/usr/lib/cni"
)

// Settings of the kernel that a node's programs change, and folders that they use wherever they live.
var (
	settings = []string{
		"net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables",
		"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
		"kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
	}
	folders = []string{
		"/run/containerd", "/var/lib/kubelet", "/var/lib/cni", "/var/log/containers", "/var/log/pods",
		"/opt/containerd", "/opt/cni", "/etc/cni",
	}
)

// Place is where this cluster keeps what it writes.
type Place struct {
	State  string
	Groups host.Groups
}

var errNone = errors.New("no cluster is up on this machine: `devcluster up` (or `make cluster`) starts one")

func place(state string) (Place, error) {
	groups, err := host.FindGroups(groupName)
	return Place{State: state, Groups: groups}, err
}

// current finds the cluster that is up, or was when it was last heard of.
func current() (Place, error) {
	state, err := os.ReadFile(stateFile())
	if errors.Is(err, fs.ErrNotExist) {
		return Place{}, errNone
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

func (n node) name() string    { return fmt.Sprintf("devcluster-%d", n.Index) }
func (n node) bridge() string  { return fmt.Sprintf("%s%d", bridges, n.Index) }
func (n node) address() string { return fmt.Sprintf("10.244.%d.1", n.Index) }
func (n node) subnet() string  { return fmt.Sprintf("10.244.%d.0/24", n.Index) }
func (n node) group() string   { return n.Groups.Path(n.name()) }
func (n node) folder() string  { return n.file("nodes", n.name()) }
func (n node) socket() string  { return filepath.Join(runFolder, n.name(), "containerd.sock") }

// nodes are those that were ever started here.
func (p Place) nodes() ([]node, error) {
	entries, err := os.ReadDir(p.file("nodes"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []node
	for index := range entries {
		all = append(all, node{Place: p, Index: index})
	}
	return all, err
}

func (n node) bridgeAddress() *net.IPNet {
	return &net.IPNet{IP: net.ParseIP(n.address()).To4(), Mask: net.CIDRMask(24, 32)}
}
