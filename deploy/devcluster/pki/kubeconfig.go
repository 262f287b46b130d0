// How does a client find the cluster and say who it is? By a file in which everything stands.
package pki

import (
	"encoding/base64"
	"fmt"
	"os"

	"github.com/metaparticle-io/metaparticle/deploy/devcluster/host"
)

const kubeconfig = `apiVersion: v1
kind: Config
current-context: devcluster
contexts:
- name: devcluster
  context: {cluster: devcluster, user: %[1]q}
clusters:
- name: devcluster
  cluster: {server: %[2]q, certificate-authority-data: %[3]s}
users:
- name: %[1]q
  user: {client-certificate-data: %[4]s, client-key-data: %[5]s}
`

// Kubeconfig writes one for the holder of a certificate that was issued under this name.
func (a *Authority) Kubeconfig(path, holder, server string) error {
	var parts [3]string
	for i, file := range []string{a.Cert("ca"), a.Cert(holder), a.Key(holder)} {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		parts[i] = base64.StdEncoding.EncodeToString(text)
	}
	text := fmt.Sprintf(kubeconfig, holder, server, parts[0], parts[1], parts[2])
	return host.WriteWhole(path, []byte(text))
}
