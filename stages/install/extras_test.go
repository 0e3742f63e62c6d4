package install

import (
	"bufio"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

func TestParseExtras(t *testing.T) {
	for name, test := range map[string]struct {
		parse func(string) (*Extra, error)
		text  string
		want  Extra
		fails string
	}{
		"cache":        {ParseCache, "redis://cache.example.org", Extra{Address: "cache.example.org:6379"}, ""},
		"Valkey":       {ParseCache, "valkey://[::1]:7000", Extra{Address: "[::1]:7000"}, ""},
		"queue":        {ParseQueue, "amqp://u:p%40ss@q:5673", Extra{Address: "q:5673", User: "u", Password: "p@ss"}, ""},
		"guest":        {ParseQueue, "amqp://q", Extra{Address: "q:5672", User: "guest", Password: "guest"}, ""},
		"other scheme": {ParseCache, "http://u:secret@q", Extra{}, `begins with "http"`},
		"no host":      {ParseQueue, "amqp:secret", Extra{}, "no URL with a host"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.parse(test.text)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) || strings.Contains(err.Error(), "secret") {
					t.Errorf("got %v, want %q without the password", err, test.fails)
				}
				return
			}
			if err != nil || *got != test.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// answering is a server that answers a question of a number of bytes in pieces.
func answering(t *testing.T, question int, pieces ...string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if _, err := bufio.NewReader(conn).Peek(question); err == nil {
				for _, piece := range pieces {
					_, _ = conn.Write([]byte(piece))
				}
			}
			conn.Close()
		}
	}()
	return listener.Addr().String()
}

// A cache and a queue say their versions, and the shop is set up with both; the
// queue's password is shown nowhere.
func TestExtras(t *testing.T) {
	needDatabase(t)
	t.Parallel()
	cache := answering(t, len(cacheProbe.question), "$90\r\n# Server\r\nredis_version:7.", "0.15\r\nredis_git_sha1:0\r\n")
	queue := answering(t, len(queueProbe.question), "\x01\x00\x00\x00\x00\x01\xf4\x00\x0a\x00\x0a\x07versionS\x00\x00\x00\x063.10.8\x05other")
	sources := tinyShop(t)
	sources[project].files["bin/magento"] = "<?php fwrite(STDERR, implode(PHP_EOL, array_slice($argv, 2))); exit(1);"
	f := newShop(t, sources, releases.Setup, releases.NoSearch)
	f.options.Services.Cache, f.options.Services.Queue = &Extra{Address: cache}, &Extra{Address: queue, User: "u", Password: "canary-queue"}
	got, err := f.options.Services.extraTools(t.Context())
	want := []stages.Tool{{Name: "cache", Version: "7.0.15"}, {Name: "queue", Version: "3.10.8"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("tools: %v (-want +got):\n%s", err, diff)
	}
	_, err = Stage(f.options).Run(t.Context(), f.candidate)
	var at *LevelError
	if !errors.As(err, &at) || at.Level != releases.Setup {
		t.Fatalf("got %v, want that the made-up setup:install fails", err)
	}
	host, port, _ := net.SplitHostPort(queue)
	for _, text := range []string{"--session-save=redis", "--page-cache-redis-db=1", "--amqp-host=" + host, "--amqp-port=" + port, "--amqp-user=u"} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("setup:install is not given %s:\n%v", text, err)
		}
	}
	if strings.Contains(err.Error(), "canary-queue") || !strings.Contains(err.Error(), "$QUEUE_PASSWORD") {
		t.Errorf("the password is shown:\n%v", err)
	}
}

// Without extras everything is as it is by default.
func TestNoExtras(t *testing.T) {
	if got := (Services{}).extraArguments(); !slices.Equal(got, []string{"--session-save=files"}) {
		t.Errorf("arguments %q", got)
	}
	valkey := answering(t, 1, "$90\r\n# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n", "valkey_release_stage:ga\r\nredis_git_sha1:0\r\n")
	if version, err := cacheProbe.ask(t.Context(), "tcp", valkey); version != "8.1.1" {
		t.Errorf("Valkey says %q, %v", version, err)
	}
	if _, err := cacheProbe.ask(t.Context(), "tcp", answering(t, 1, "HTTP/1.1 400 Bad Request\r\n")); err == nil {
		t.Error("something else was taken for a cache")
	}
}
