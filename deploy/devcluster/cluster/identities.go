// Who may speak to the cluster, and as whom?
package cluster

import "github.com/metaparticle-io/metaparticle/deploy/devcluster/pki"

// serving are the parts that others connect to, and the API server's own two ways of asking.
var serving = map[string]pki.Identity{
	"apiserver": {Name: "kube-apiserver", Hosts: []string{
		address, "10.96.0.1", "127.0.0.1", "localhost", "kubernetes", "kubernetes.default",
		"kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}},
	"apiserver-kubelet": {Name: "kube-apiserver-kubelet-client", Groups: []string{"system:masters"}},
	"service-accounts":  {Name: "service-accounts"},
}

// storing are etcd and its only client. They have an authority of their own: who has a certificate of the
// cluster's, as a pod may, is not to write past the API server.
var storing = map[string]pki.Identity{
	"server": {Name: "etcd", Hosts: []string{"127.0.0.1"}},
	"client": {Name: "kube-apiserver"},
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

func (p Place) pki() *pki.Authority     { return &pki.Authority{Folder: p.file("pki")} }
func (p Place) etcdPKI() *pki.Authority { return &pki.Authority{Folder: p.file("pki", "etcd")} }

// identify makes what is not there yet.
func (p Place) identify() error {
	if _, err := issued(p.etcdPKI(), storing); err != nil {
		return err
	}
	authority, err := issued(p.pki(), serving)
	if err != nil {
		return err
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

func issued(keys *pki.Authority, identities map[string]pki.Identity) (*pki.Authority, error) {
	authority, err := pki.Open(keys.Folder)
	for file, identity := range identities {
		if err == nil {
			err = authority.Issue(file, identity)
		}
	}
	return authority, err
}
