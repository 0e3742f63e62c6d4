package github

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases/github/fake"
)

func TestApp(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	server, repository, _ := newFake(t)
	server.Apps[5] = fake.App{ID: "Iv1.app", Key: &key.PublicKey, Rights: map[string]string{"issues": "write"}}
	app := App{ID: "Iv1.app", Installation: 5, Key: remote.NewToken(string(text)), Now: server.Now}
	client := clientOf(t, server, without, func(o *Options) { o.App = &app })
	for i, marker := range []string{"a", "b", "c"} {
		if _, err := client.RaiseIssue(context.Background(), shop, Alarm{Marker: marker, Title: marker}); err != nil {
			t.Fatalf("issue %s: %v", marker, err)
		}
		if i > 0 { // the token ends, and a new one is fetched
			_ = server.Wait(context.Background(), 55*time.Minute)
		}
	}
	tokens := 0
	for _, r := range server.Requests() {
		if strings.Contains(r, "access_tokens") {
			tokens++
		}
	}
	if tokens != 2 || len(repository.Issues) != 3 {
		t.Errorf("%d tokens, %d issues; want 2 and 3", tokens, len(repository.Issues))
	}
	for _, c := range []struct {
		name   string
		change func(*App)
		err    string
	}{
		{"another key", func(a *App) { a.ID = "other" }, "JSON web token could not be decoded"},
		{"no key", func(a *App) { a.Key = remote.NewToken("x") }, "is no RSA key in PEM"},
		{"not installed", func(a *App) { a.Installation = 6 }, "get a token for installation 6"},
	} {
		other := app
		c.change(&other)
		_, err := clientOf(t, server, without, func(o *Options) { o.App = &other }).FindRelease(context.Background(), shop, "1")
		if err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}
