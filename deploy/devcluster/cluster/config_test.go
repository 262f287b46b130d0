package cluster

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

func TestAConfigurationIsWhatItsReaderCanRead(t *testing.T) {
	at := node{Place: Place{State: t.TempDir()}, Index: 1}
	if err := at.Place.configure(); err != nil {
		t.Fatal(err)
	}
	values := map[string]any{
		"Name": at.name(), "Folder": "/state", "Run": "/run", "Socket": at.socket(), "Address": at.address(),
		"Subnet": at.subnet(), "Bridge": at.bridge(), "Group": "/group", "Authority": "/ca", "Cert": "/cert",
		"Key": "/key", "DNS": dnsService, "OpenFiles": 20000,
	}
	kubelet, err := render("kubelet.yaml", values)
	if err != nil {
		t.Fatal(err)
	}
	var read map[string]any
	if err := yaml.UnmarshalStrict([]byte(kubelet), &read); err != nil {
		t.Errorf("kubelet.yaml: %v", err)
	}
	network, err := render("cni.conflist", values)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(network), &read); err != nil {
		t.Errorf("cni.conflist: %v", err)
	}
}

func TestAValueThatNobodyGaveIsAMistake(t *testing.T) {
	if _, err := render("hosts.toml", map[string]any{}); err == nil {
		t.Error("a template with a hole was filled")
	}
}

func TestAnUnchangedFileIsNotTouched(t *testing.T) {
	path := t.TempDir() + "/hosts.toml"
	values := map[string]any{"Registry": registry}
	if err := write(path, "hosts.toml", values); err != nil {
		t.Fatal(err)
	}
	long := time.Unix(1, 0)
	if err := os.Chtimes(path, long, long); err != nil {
		t.Fatal(err)
	}
	if err := write(path, "hosts.toml", values); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(long) {
		t.Errorf("it was written again: %v, %v", info.ModTime(), err)
	}
}

func TestNodesShareNothing(t *testing.T) {
	first, second := node{Index: 0}, node{Index: 1}
	for what, pair := range map[string][2]string{
		"name":    {first.name(), second.name()},
		"bridge":  {first.bridge(), second.bridge()},
		"address": {first.address(), second.address()},
		"subnet":  {first.subnet(), second.subnet()},
		"group":   {first.group(), second.group()},
		"folder":  {first.folder(), second.folder()},
		"socket":  {first.socket(), second.socket()},
	} {
		if pair[0] == pair[1] {
			t.Errorf("both have the %s %s", what, pair[0])
		}
	}
	if first.address() != address {
		t.Errorf("the API server is at %s, the first bridge at %s", address, first.address())
	}
	if !strings.HasPrefix(first.bridge(), bridges) {
		t.Errorf("`down` would not find %s", first.bridge())
	}
}
