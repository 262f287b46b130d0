// Which programs make a cluster, with which flags, and when is each of them ready?
package cluster

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/metaparticle-io/metaparticle/deploy/devcluster/host"
	"github.com/metaparticle-io/metaparticle/deploy/devcluster/pki"
)

// part is a program, where it listens, and how it says that it is ready.
type part struct {
	host.Program
	listens []string
	ready   func(context.Context) bool
}

// stages are the parts in the order in which they need each other.
func (p Place) stages(nodes []node) [][]part {
	storage := []part{p.etcd(), p.registry()}
	rest := []part{p.controllers(), p.scheduler(), p.proxy(), p.dns()}
	for _, node := range nodes {
		storage = append(storage, node.containerd())
		rest = append(rest, node.kubelet())
	}
	return [][]part{storage, {p.apiserver()}, rest}
}

// ours is a program that is linked into this one, and known by its first argument.
func (p Place) ours(name string, listens []string, ready func(context.Context) bool, args ...string) part {
	self, err := os.Executable()
	if err != nil {
		self = "/proc/self/exe"
	}
	program := host.Program{Name: name, Path: self, Args: args, Log: p.log(name)}
	return part{Program: program, listens: listens, ready: ready}
}

func (p Place) etcd() part {
	keys, clients, peers := p.etcdPKI(), "https://"+etcdClients, "https://"+etcdPeers
	// It answers nobody who is not its client.
	ready := answers(clients+"/health", keys, "client")
	return p.ours("etcd", []string{etcdClients, etcdPeers}, ready,
		"--name=devcluster", "--data-dir="+p.file("etcd"),
		"--listen-client-urls="+clients, "--advertise-client-urls="+clients,
		"--client-cert-auth", "--trusted-ca-file="+keys.Cert("ca"),
		"--cert-file="+keys.Cert("server"), "--key-file="+keys.Key("server"),
		"--listen-peer-urls="+peers, "--initial-advertise-peer-urls="+peers, "--initial-cluster=devcluster="+peers,
		"--peer-client-cert-auth", "--peer-trusted-ca-file="+keys.Cert("ca"),
		"--peer-cert-file="+keys.Cert("server"), "--peer-key-file="+keys.Key("server"),
		// A cluster that is gone after `down` need not survive a power cut.
		"--unsafe-no-fsync", "--log-level=warn")
}

func (p Place) apiserver() part {
	keys, storage := p.pki(), p.etcdPKI()
	return p.ours("kube-apiserver", []string{address + ":6443"}, p.healthy(server+"/readyz"),
		"--bind-address="+address, "--advertise-address="+address, "--secure-port=6443",
		"--etcd-servers=https://"+etcdClients, "--etcd-cafile="+storage.Cert("ca"),
		"--etcd-certfile="+storage.Cert("client"), "--etcd-keyfile="+storage.Key("client"),
		"--client-ca-file="+keys.Cert("ca"),
		"--tls-cert-file="+keys.Cert("apiserver"), "--tls-private-key-file="+keys.Key("apiserver"),
		"--kubelet-certificate-authority="+keys.Cert("ca"),
		"--kubelet-client-certificate="+keys.Cert("apiserver-kubelet"),
		"--kubelet-client-key="+keys.Key("apiserver-kubelet"),
		"--kubelet-preferred-address-types=InternalIP",
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-signing-key-file="+keys.Key("service-accounts"),
		"--service-account-key-file="+keys.Cert("service-accounts"),
		"--service-cluster-ip-range="+serviceRange, "--allow-privileged=true",
		"--shutdown-delay-duration=0s")
}

func (p Place) controllers() part {
	keys := p.pki()
	return p.ours("kube-controller-manager", []string{"127.0.0.1:10257"}, p.healthy("https://127.0.0.1:10257/healthz"),
		"--kubeconfig="+p.Kubeconfig("kube-controller-manager"), "--bind-address=127.0.0.1",
		"--root-ca-file="+keys.Cert("ca"), "--service-account-private-key-file="+keys.Key("service-accounts"),
		"--cluster-signing-cert-file="+keys.Cert("ca"), "--cluster-signing-key-file="+keys.Key("ca"),
		"--flex-volume-plugin-dir="+p.file("volume-plugins"),
		"--use-service-account-credentials", "--leader-elect=false")
}

func (p Place) scheduler() part {
	return p.ours("kube-scheduler", []string{"127.0.0.1:10259"}, p.healthy("https://127.0.0.1:10259/healthz"),
		"--kubeconfig="+p.Kubeconfig("kube-scheduler"), "--bind-address=127.0.0.1", "--leader-elect=false")
}

func (p Place) proxy() part {
	listens := []string{"127.0.0.1:10249", "127.0.0.1:10256"}
	proxy := p.ours("kube-proxy", listens, p.healthy("http://127.0.0.1:10256/healthz"),
		"--config="+p.file("config", "kube-proxy.yaml"))
	// It would take away what it takes for rules of its former modes, IPVS and iptables, whosesoever they
	// are: it is to find `nft` alone.
	proxy.Env = []string{"PATH=" + p.file("proxy-path")}
	return proxy
}

func (p Place) dns() part {
	return p.ours("coredns", []string{"127.0.0.1:8181", address + ":1053"}, p.healthy("http://127.0.0.1:8181/ready"),
		"-conf="+p.file("config", "Corefile"))
}

func (p Place) registry() part {
	return part{
		Program: host.Program{
			Name: "docker-registry", Path: found("docker-registry"), Log: p.log("docker-registry"),
			Args: []string{"serve", p.file("config", "registry.yaml")},
		},
		listens: []string{registry},
		ready:   p.healthy("http://" + registry + "/v2/"),
	}
}

func (n node) containerd() part {
	return part{
		Program: host.Program{
			Name: "containerd", Path: found("containerd"), Log: n.log("containerd-" + n.name()),
			Args:  []string{"--config", filepath.Join(n.folder(), "containerd.toml")},
			Group: "containerd-" + n.name(),
		},
		ready: func(context.Context) bool {
			connection, err := net.DialTimeout("unix", n.socket(), time.Second)
			if err == nil {
				_ = connection.Close()
			}
			return err == nil
		},
	}
}

func (n node) kubelet() part {
	listens := []string{n.address() + ":10248", n.address() + ":10250"}
	kubelet := n.ours("kubelet", listens, n.healthy("http://"+n.address()+":10248/healthz"),
		"--config="+filepath.Join(n.folder(), "kubelet.yaml"), "--kubeconfig="+n.Kubeconfig(n.name()),
		"--root-dir="+filepath.Join(n.folder(), "kubelet"), "--cert-dir="+n.file("pki"),
		"--hostname-override="+n.name(), "--node-ip="+n.address())
	kubelet.Group = "kubelet-" + n.name()
	kubelet.Log = n.log(kubelet.Group)
	return kubelet
}

// healthy asks as somebody who may ask everything.
func (p Place) healthy(url string) func(context.Context) bool { return answers(url, p.pki(), "admin") }

// answers takes any good answer for an answer. These are our own addresses, and a health check carries no
// secret: whose certificate it is does not matter here.
func answers(url string, keys *pki.Authority, who string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		identity, err := tls.LoadX509KeyPair(keys.Cert(who), keys.Key(who))
		if err != nil {
			return false
		}
		transport := &http.Transport{TLSClientConfig: &tls.Config{
			InsecureSkipVerify: true,
			Certificates:       []tls.Certificate{identity},
		}}
		defer transport.CloseIdleConnections()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false
		}
		client := http.Client{Transport: transport, Timeout: 2 * time.Second}
		answer, err := client.Do(request)
		if err != nil {
			return false
		}
		return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
	}
}

// label tells parts apart of which there are several.
func (p part) label() string {
	if p.Group != "" {
		return p.Group
	}
	return p.Name
}
