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
)

// part is a program, what it is called for people, and how it says that it is ready.
type part struct {
	host.Program
	ready func(context.Context) bool
}

// ours is a program that is linked into this one, and known by its first argument.
func (p Place) ours(name string, ready func(context.Context) bool, args ...string) part {
	self, err := os.Executable()
	if err != nil {
		self = "/proc/self/exe"
	}
	program := host.Program{Name: name, Path: self, Args: args, Log: p.log(name)}
	return part{Program: program, ready: ready}
}

func (p Place) etcd() part {
	keys := p.pki()
	return p.ours("etcd", p.answers(etcdServer+"/health"),
		"--name=devcluster", "--data-dir="+p.file("etcd"),
		"--listen-client-urls="+etcdServer, "--advertise-client-urls="+etcdServer,
		"--listen-peer-urls=http://127.0.0.1:23800", "--initial-advertise-peer-urls=http://127.0.0.1:23800",
		"--initial-cluster=devcluster=http://127.0.0.1:23800",
		"--client-cert-auth", "--trusted-ca-file="+keys.Cert("ca"),
		"--cert-file="+keys.Cert("etcd"), "--key-file="+keys.Key("etcd"),
		// A cluster that is gone after `down` need not survive a power cut.
		"--unsafe-no-fsync", "--log-level=warn")
}

func (p Place) apiserver() part {
	keys := p.pki()
	return p.ours("kube-apiserver", p.answers(server+"/readyz"),
		"--bind-address="+address, "--advertise-address="+address, "--secure-port=6443",
		"--etcd-servers="+etcdServer, "--etcd-cafile="+keys.Cert("ca"),
		"--etcd-certfile="+keys.Cert("etcd"), "--etcd-keyfile="+keys.Key("etcd"),
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
	return p.ours("kube-controller-manager", p.answers("https://127.0.0.1:10257/healthz"),
		"--kubeconfig="+p.Kubeconfig("kube-controller-manager"), "--bind-address=127.0.0.1",
		"--root-ca-file="+keys.Cert("ca"), "--service-account-private-key-file="+keys.Key("service-accounts"),
		"--cluster-signing-cert-file="+keys.Cert("ca"), "--cluster-signing-key-file="+keys.Key("ca"),
		"--flex-volume-plugin-dir="+p.file("volume-plugins"),
		"--use-service-account-credentials", "--leader-elect=false")
}

func (p Place) scheduler() part {
	return p.ours("kube-scheduler", p.answers("https://127.0.0.1:10259/healthz"),
		"--kubeconfig="+p.Kubeconfig("kube-scheduler"), "--bind-address=127.0.0.1", "--leader-elect=false")
}

func (p Place) proxy() part {
	return p.ours("kube-proxy", p.answers("http://127.0.0.1:10256/healthz"),
		"--config="+p.file("config", "kube-proxy.yaml"))
}

func (p Place) dns() part {
	return p.ours("coredns", p.answers("http://127.0.0.1:8181/ready"), "-conf="+p.file("config", "Corefile"))
}

func (p Place) registry() part {
	return part{
		Program: host.Program{
			Name: "docker-registry", Path: "/usr/bin/docker-registry", Log: p.log("docker-registry"),
			Args: []string{"serve", p.file("config", "registry.yaml")},
		},
		ready: p.answers("http://" + registry + "/v2/"),
	}
}

func (n node) containerd() part {
	return part{
		Program: host.Program{
			Name: "containerd", Path: "/usr/bin/containerd", Log: n.log("containerd-" + n.name()),
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
	kubelet := n.ours("kubelet", n.answers("http://"+n.address()+":10248/healthz"),
		"--config="+filepath.Join(n.folder(), "kubelet.yaml"), "--kubeconfig="+n.Kubeconfig(n.name()),
		"--root-dir="+filepath.Join(n.folder(), "kubelet"), "--cert-dir="+n.file("pki"),
		"--hostname-override="+n.name(), "--node-ip="+n.address())
	kubelet.Group = "kubelet-" + n.name()
	kubelet.Log = n.log(kubelet.Group)
	return kubelet
}

// answers asks as the API server would, and takes any good answer for an answer. These are our own addresses,
// and a health check carries no secret: whose certificate it is does not matter here.
func (p Place) answers(url string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		keys := p.pki()
		identity, err := tls.LoadX509KeyPair(keys.Cert("admin"), keys.Key("admin"))
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
