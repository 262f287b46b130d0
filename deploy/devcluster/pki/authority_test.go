package pki

import (
	"crypto/x509"
	"os"
	"testing"
)

func TestACertificateIsGoodForItsHostsAndForNoOthers(t *testing.T) {
	authority, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	identity := Identity{Name: "server", Groups: []string{"parts"}, Hosts: []string{"10.0.0.1", "api.local"}}
	if err := authority.Issue("server", identity); err != nil {
		t.Fatal(err)
	}
	bytes, err := block(authority.Cert("server"))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.cert)
	for host, good := range map[string]bool{"10.0.0.1": true, "api.local": true, "10.0.0.2": false} {
		_, err := cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: host})
		if (err == nil) != good {
			t.Errorf("for %s: %v", host, err)
		}
	}
	if cert.Subject.CommonName != "server" || cert.Subject.Organization[0] != "parts" {
		t.Errorf("it is of %s", cert.Subject)
	}
}

func TestAnAuthorityThatIsThereIsKeptAndSignsOn(t *testing.T) {
	folder := t.TempDir()
	first, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	if !first.cert.Equal(second.cert) {
		t.Error("opened again, it is another one")
	}
	if err := second.Issue("one", Identity{Name: "one"}); err != nil {
		t.Error(err)
	}
}

func TestACertificateThatIsThereStays(t *testing.T) {
	authority, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	read := func() string {
		if err := authority.Issue("one", Identity{Name: "one"}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(authority.Cert("one"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if read() != read() {
		t.Error("issued again, it is another one")
	}
}

func TestWhatAKillLeftHalfIsMadeAgain(t *testing.T) {
	for _, half := range []string{"ca.crt", "ca.key", "one.crt", "one.key"} {
		folder := t.TempDir()
		for range 2 {
			authority, err := Open(folder)
			if err != nil {
				t.Fatalf("without %s: %v", half, err)
			}
			if err := authority.Issue("one", Identity{Name: "one"}); err != nil {
				t.Fatalf("without %s: %v", half, err)
			}
			if bytes, err := block(authority.Cert("one")); err != nil {
				t.Errorf("without %s: %v", half, err)
			} else if cert, err := x509.ParseCertificate(bytes); err != nil || cert.CheckSignatureFrom(authority.cert) != nil {
				t.Errorf("without %s: its certificate is another authority's", half)
			}
			if err := authority.Kubeconfig(folder+"/kubeconfig", "one", "https://here"); err != nil {
				t.Fatalf("without %s: %v", half, err)
			}
			if err := os.Remove(folder + "/" + half); err != nil {
				t.Fatal(err)
			}
		}
	}
}
