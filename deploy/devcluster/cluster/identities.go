// Who may speak to the cluster, and as whom?
package cluster

import "github.com/metaparticle-io/metaparticle/deploy/devcluster/pki"

// serving are the parts that others connect to, and the API server's own two ways of asking.
var serving = map[string]pki.Identity{
	"apiserver": {Name: "kube-apiserver", Hosts: []string{
		address, "10.96.0.1", "127.0.0.1", "localhost", "kubernetes", "kubernetes.default",
		"kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}},
	"etcd":              {Name: "etcd", Hosts: []string{"127.0.0.1"}},
	"apiserver-kubelet": {Name: "kube-apiserver-kubelet-client", Groups: []string{"system:masters"}},
	"service-accounts":  {Name: "service-accounts"},
}

// clients are those who get a kubeconfig. `guest` is in no group and has no role.
var clients = map[string]pki.Identity{
	"admin":                   {Name: "admin", Groups: []string{"system:masters"}},
	"guest":                   {Name: "guest"},
	"kube-controller-manager": {Name: "system:kube-controller-manager"},
	"kube-scheduler":          {Name: "system:kube-scheduler"},
	"kube-proxy":              {Name: "system:kube-proxy"},
	"coredns":                 {Name: "system:coredns"},
}

func (p Place) pki() *pki.Authority { return &pki.Authority{Folder: p.file("pki")} }

// identify makes what is not there yet.
func (p Place) identify() error {
	authority, err := pki.Open(p.file("pki"))
	if err != nil {
		return err
	}
	for file, identity := range serving {
		if err := authority.Issue(file, identity); err != nil {
			return err
		}
	}
	for who, identity := range clients {
		if err := authority.Issue(who, identity); err != nil {
			return err
		}
		if err := authority.Kubeconfig(p.Kubeconfig(who), who, server); err != nil {
			return err
		}
	}
	return nil
}

// identify makes the node's name, under which kubelet both asks and serves.
func (n node) identify() error {
	authority, err := pki.Open(n.file("pki"))
	if err != nil {
		return err
	}
	identity := pki.Identity{
		Name:   "system:node:" + n.name(),
		Groups: []string{"system:nodes"},
		Hosts:  []string{n.name(), n.address()},
	}
	if err := authority.Issue(n.name(), identity); err != nil {
		return err
	}
	return authority.Kubeconfig(n.Kubeconfig(n.name()), n.name(), server)
}
