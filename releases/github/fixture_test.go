package github

import (
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases/github/fake"
)

// newFake starts a GitHub with one repository, and a client whose waits pass the
// server's time.
func newFake(t *testing.T, change ...func(*Options)) (*fake.GitHub, *fake.Repository, *Client) {
	t.Helper()
	server := fake.New()
	t.Cleanup(server.Close)
	repository := server.AddRepository("acme/shop")
	return server, repository, clientOf(t, server, change...)
}

func clientOf(t *testing.T, server *fake.GitHub, change ...func(*Options)) *Client {
	t.Helper()
	o := Options{BaseURL: server.URL(), Token: remote.NewToken("secret"), Policy: remote.Policy{Wait: server.Wait}}
	for _, c := range change {
		c(&o)
	}
	client, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// without gives a client no token.
func without(o *Options) { o.Token = remote.Token{} }

var shop = Repository{"acme", "shop"}

// seconds makes durations readable in tables.
func seconds(all []time.Duration) []int {
	list := []int{}
	for _, d := range all {
		list = append(list, int(d/time.Second))
	}
	return list
}
