package ci

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mage-os/nightly/releases/sample"
)

// A private is a Composer repository with the sample's third-party packages, which needs a
// login, and a program that has it.
type private struct {
	*testing.T
	dir, line string
	env       []string
	mu        sync.Mutex
	asked     map[string]int
}

func newPrivate(t *testing.T, host string) *private {
	p := &private{T: t, dir: t.TempDir(), asked: map[string]int{}}
	packages := filepath.Join(p.dir, "packages")
	if err := sample.WriteThirdParty(packages); err != nil {
		t.Fatal(err)
	}
	files := http.FileServer(http.Dir(packages))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "somebody" || password != "canary" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		p.mu.Lock()
		p.asked[r.URL.Path]++
		p.mu.Unlock()
		files.ServeHTTP(w, r)
	}))
	listener, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	certificate := certificateFor(t, net.ParseIP(host))
	server.Listener, server.TLS = listener, &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	index := filepath.Join(packages, "packages.json")
	data, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	// The sample's dists lie on this machine.
	if err := os.WriteFile(index, []byte(strings.ReplaceAll(string(data), "file://"+filepath.ToSlash(packages), server.URL)), 0o644); err != nil {
		t.Fatal(err)
	}
	authority := filepath.Join(p.dir, "server.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}), 0o644); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../releases/sample.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p.line = filepath.Join(p.dir, "private.yaml")
	if err := os.WriteFile(p.line, []byte(strings.Replace(string(text), "embedded:third-party", server.URL, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	at := strings.TrimPrefix(server.URL, "https://")
	p.env = append(os.Environ(), "SSL_CERT_FILE="+authority, "COMPOSER_ALLOW_SUPERUSER=1",
		`COMPOSER_AUTH={"http-basic":{"`+at+`":{"username":"somebody","password":"canary"}}}`)
	return p
}

// certificateFor is one that signs itself, for an address.
func certificateFor(t *testing.T, ip net.IP) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{ip}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// install proves the line, with a store.
func (p *private) install(program, store string, where ...string) {
	p.Helper()
	cmd := exec.Command(program, append([]string{"nightly", "--line", p.line, "--until", "install", "--fresh", "--store", filepath.Join(p.dir, store)}, where...)...)
	cmd.Env = p.env
	if out, err := cmd.CombinedOutput(); err != nil {
		p.Fatalf("%v\n%s", err, out)
	}
}

// zips is how often a dist was asked for.
func (p *private) zips() (n int) {
	for path, times := range p.asked {
		if strings.HasSuffix(path, ".zip") {
			n += times
		}
	}
	return n
}

// prove installs what needs a login twice: package code does not see the login, and dists are
// asked for once.
func (p *private) prove(program string, where ...string) {
	p.Helper()
	p.install(program, "store", where...)
	first := p.zips()
	if first == 0 {
		p.Error("no dist was asked for")
	}
	p.install(program, "store", where...)
	if again := p.zips() - first; again > 0 {
		p.Errorf("the next installation asked for %d dists again", again)
	}
	work := filepath.Join(p.dir, "store", "install")
	if out, _ := exec.Command("grep", "-rl", "canary", work).Output(); len(out) > 0 {
		p.Errorf("the login stands in\n%s", out)
	}
}

func TestPrivateRepository(t *testing.T) {
	needInstall(t)
	t.Parallel()
	newPrivate(t, "127.0.0.1").prove("mageos-nightly", "--runner", inProcess)
}

// In containers a gateway of its own has the login, and the engine's cache the dists.
func TestEnginePrivateRepository(t *testing.T) {
	l, image := newLab(t), needImage(t)
	// This machine, as containers see it. No packet leaves it.
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if ip, _, err := net.ParseCIDR(a.String()); err == nil && ip.To4() != nil && ip.IsGlobalUnicast() {
			newPrivate(t, ip.String()).prove(l.program, "--runner", inContainers, "--install-image", image)
			return
		}
	}
	t.Skip("this machine has no address but loopback")
}
