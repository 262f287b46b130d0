// Who is who in the cluster? One authority, made anew with each cluster, signs a certificate for each part.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/metaparticle-io/metaparticle/deploy/devcluster/host"
)

// A development cluster lives for days; its certificates must not be what ends it.
const validity = 365 * 24 * time.Hour

// Authority signs, and keeps what it signed as files in its folder.
type Authority struct {
	Folder string
	cert   *x509.Certificate
	key    crypto.Signer
}

// Identity is what a certificate says of its holder; who has hosts may serve under them.
type Identity struct {
	Name   string
	Groups []string
	Hosts  []string
}

// Open reads the authority of this folder, or makes one.
func Open(folder string) (*Authority, error) {
	authority := &Authority{Folder: folder}
	if authority.has("ca") {
		return authority, authority.read()
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	// What another one signed would not be believed.
	orphans, _ := filepath.Glob(authority.Cert("*"))
	for _, orphan := range orphans {
		if err := os.Remove(orphan); err != nil {
			return nil, err
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	authority.cert = &x509.Certificate{
		Subject:               pkix.Name{CommonName: "devcluster"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	authority.key = key
	if err := authority.sign("ca", authority.cert, key); err != nil {
		return nil, err
	}
	// As everybody else will read it: only then does it have its own signature and identifiers.
	return authority, authority.read()
}

// Cert is the file of a certificate.
func (a *Authority) Cert(file string) string { return filepath.Join(a.Folder, file+".crt") }

// Key is the file of its private key.
func (a *Authority) Key(file string) string { return filepath.Join(a.Folder, file+".key") }

// has tells whether both are there: somebody may have deleted one, or ended us between them.
func (a *Authority) has(file string) bool {
	_, cert := os.Stat(a.Cert(file))
	_, key := os.Stat(a.Key(file))
	return cert == nil && key == nil
}

// Issue makes a certificate and its key, unless they are there.
func (a *Authority) Issue(file string, identity Identity) error {
	if a.has(file) {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return a.sign(file, template(identity), key)
}

func template(identity Identity) *x509.Certificate {
	cert := &x509.Certificate{
		Subject:     pkix.Name{CommonName: identity.Name, Organization: identity.Groups},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if len(identity.Hosts) > 0 {
		cert.ExtKeyUsage = append(cert.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, host := range identity.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			cert.IPAddresses = append(cert.IPAddresses, ip)
		} else {
			cert.DNSNames = append(cert.DNSNames, host)
		}
	}
	return cert
}

func (a *Authority) sign(file string, cert *x509.Certificate, key *ecdsa.PrivateKey) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	cert.SerialNumber = serial
	cert.NotBefore = time.Now().Add(-time.Minute)
	cert.NotAfter = time.Now().Add(validity)
	signed, err := x509.CreateCertificate(rand.Reader, cert, a.cert, key.Public(), a.key)
	if err != nil {
		return fmt.Errorf("cannot sign %s: %w", file, err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := write(a.Key(file), "PRIVATE KEY", secret); err != nil {
		return err
	}
	return write(a.Cert(file), "CERTIFICATE", signed)
}

func (a *Authority) read() error {
	cert, err := block(a.Cert("ca"))
	if err != nil {
		return err
	}
	if a.cert, err = x509.ParseCertificate(cert); err != nil {
		return err
	}
	secret, err := block(a.Key("ca"))
	if err != nil {
		return err
	}
	key, err := x509.ParsePKCS8PrivateKey(secret)
	if err != nil {
		return err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return fmt.Errorf("%s cannot sign", a.Key("ca"))
	}
	a.key = signer
	return nil
}

func block(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	found, _ := pem.Decode(text)
	if found == nil {
		return nil, fmt.Errorf("%s is damaged: `devcluster down`, then up again", path)
	}
	return found.Bytes, nil
}

func write(path, kind string, bytes []byte) error {
	return host.WriteWhole(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
}
