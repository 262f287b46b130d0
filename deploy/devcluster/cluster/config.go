// What is each program told? Files from templates.
package cluster

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"text/template"

	"github.com/metaparticle-io/metaparticle/deploy/devcluster/host"
)

//go:embed config
var sources embed.FS

var templates = template.Must(template.New("").Option("missingkey=error").ParseFS(sources, "config/*"))

// render fills a template; a value that it asks for and nobody gave is a mistake of ours.
func render(name string, values map[string]any) (string, error) {
	var text bytes.Buffer
	if err := templates.ExecuteTemplate(&text, name, values); err != nil {
		return "", fmt.Errorf("cannot write %s: %w", name, err)
	}
	return text.String(), nil
}

func write(path, name string, values map[string]any) error {
	text, err := render(name, values)
	if err != nil {
		return err
	}
	if now, err := os.ReadFile(path); err == nil && string(now) == text {
		return nil // kube-proxy ends when its file is touched
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return host.WriteWhole(path, []byte(text))
}

// configure writes the files of the programs that every cluster has once.
func (p Place) configure() error {
	for _, folder := range []string{"logs", "config", "etcd"} {
		if err := os.MkdirAll(p.file(folder), 0o700); err != nil {
			return err
		}
	}
	if err := write(p.file("config", "registry.yaml"), "registry.yaml", map[string]any{
		"Folder": p.file("registry"), "Registry": registry,
	}); err != nil {
		return err
	}
	if err := write(p.file("config", "Corefile"), "Corefile", map[string]any{
		"Address": address, "Kubeconfig": p.Kubeconfig("coredns"),
	}); err != nil {
		return err
	}
	if err := os.MkdirAll(p.file("proxy-path"), 0o700); err != nil {
		return err
	}
	if err := os.Symlink(found("nft"), p.file("proxy-path", "nft")); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return write(p.file("config", "kube-proxy.yaml"), "kube-proxy.yaml", map[string]any{
		"Kubeconfig": p.Kubeconfig("kube-proxy"), "Pods": podRange, "Name": node{}.name(),
	})
}

// configure writes the files of a node's programs.
func (n node) configure() error {
	if err := os.MkdirAll(filepath.Dir(n.socket()), 0o700); err != nil {
		return err
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return err
	}
	values := map[string]any{
		"Name": n.name(), "Folder": n.folder(), "Run": filepath.Dir(n.socket()), "Socket": n.socket(),
		"Address": n.address(), "Subnet": n.subnet(), "Bridge": n.bridge(), "Group": n.group(),
		"Authority": n.pki().Cert("ca"), "Cert": n.pki().Cert(n.name()), "Key": n.pki().Key(n.name()),
		"Pause": pauseImage, "Plugins": pluginFolder(), "Registry": registry, "DNS": dnsService,
		// Nobody can give itself more than this machine lets us have.
		"OpenFiles": min(files.Max, 1_000_000),
	}
	for file, name := range map[string]string{
		"containerd.toml":                     "containerd.toml",
		"kubelet.yaml":                        "kubelet.yaml",
		"cni/10-bridge.conflist":              "cni.conflist",
		"certs.d/" + registry + "/hosts.toml": "hosts.toml",
	} {
		if err := write(filepath.Join(n.folder(), file), name, values); err != nil {
			return err
		}
	}
	return nil
}
