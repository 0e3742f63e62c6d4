package monitor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/remote"
)

var broken = News{
	State: Broken, At: "https://nightly.example.org/", Title: "The workflow that publishes https://nightly.example.org/ fails",
	Wrong: []string{"job install failed", "the last try: <!channel> `rm` @everyone\nsecond line"}, Issue: "https://github.com/acme/nightly/issues/7", Run: "https://github.com/acme/nightly/actions/runs/1",
}

// Each chat gets news as it wants them, and what others wrote pings nobody.
func TestForms(t *testing.T) {
	for host, want := range map[string]string{
		"discord.com":     `{"allowed_mentions":{"parse":[]},"content":"The workflow that publishes https://nightly.example.org/ fails\n• ` + "`job install failed`" + `\n• ` + "`the last try: <!channel> 'rm' @everyone second line`" + `\n<https://github.com/acme/nightly/issues/7>\n<https://github.com/acme/nightly/actions/runs/1>"}`,
		"hooks.slack.com": `{"text":"The workflow that publishes https://nightly.example.org/ fails\n• ` + "`job install failed`" + `\n• ` + "`the last try: &lt;!channel&gt; 'rm' @everyone second line`" + `\n<https://github.com/acme/nightly/issues/7>\n<https://github.com/acme/nightly/actions/runs/1>"}`,
		"chat.example.org": "{\"text\":\"The workflow that publishes https://nightly.example.org/ fails\\n• job install failed\\n• the last try: <!channel> `rm` @everyone second line\\nhttps://github.com/acme/nightly/issues/7\\nhttps://github.com/acme/nightly/actions/runs/1\"," +
			`"state":"broken","at":"https://nightly.example.org/","title":"The workflow that publishes https://nightly.example.org/ fails","wrong":["job install failed",` + "\"the last try: <!channel> `rm` @everyone\\nsecond line\"" + `],"issue":"https://github.com/acme/nightly/issues/7","run":"https://github.com/acme/nightly/actions/runs/1"}`,
	} {
		w, err := ParseWebhook("https://" + host + "/api/webhooks/1/secret")
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		encoder := json.NewEncoder(&got)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(w.form(broken)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, strings.TrimSpace(got.String())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", host, diff)
		}
	}
	named := broken
	named.Suspects = []string{"shop 0123456789 Count (Paul): changes `a.php`, which the failure names"}
	if text := discord(named).(map[string]any)["content"].(string); !strings.Contains(text, "\nSuspects:\n• `shop 0123456789 Count (Paul): changes 'a.php', which the failure names`\n<https") {
		t.Error(text)
	}
	long := News{Title: "t", Wrong: strings.Split(strings.Repeat(strings.Repeat("`<é", 400)+"|", 50), "|")}
	if text := discord(long).(map[string]any)["content"].(string); len([]rune(text)) > 1900 || !strings.Contains(text, "• and 43 more") {
		t.Errorf("%d characters:\n%s", len([]rune(text)), text)
	}
}

func atOnce(context.Context, time.Duration) error { return nil }

// Whatever a webhook does: it ends in time, and no error and no log has a part of its URL.
func TestWebhookKeepsItsSecret(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), `"state":"broken"`) || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s", r.Header, body)
		}
		switch r.URL.Path {
		case "/s3cret/redirects":
			http.Redirect(w, r, "/s3cret/elsewhere", http.StatusTemporaryRedirect)
		case "/s3cret/refuses":
			http.Error(w, r.URL.String(), http.StatusNotFound)
		case "/s3cret/fails":
			w.WriteHeader(http.StatusBadGateway)
		case "/s3cret/once":
			if n == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		case "/s3cret/hangs":
			<-r.Context().Done()
		case "/s3cret/breaks":
			panic(http.ErrAbortHandler)
		}
	}))
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	for path, test := range map[string]struct {
		want  string // of the error; empty: none
		asked int
	}{
		"takes":     {"", 1},
		"once":      {"", 2},
		"redirects": {"it answered 307", 1},
		"refuses":   {"it answered 404", 1},
		"fails":     {"502 Bad Gateway, on each of 3 tries", 3},
		"breaks":    {"no answer, on each of 3 tries", 3},
		"hangs":     {"", 0}, // looked at below
	} {
		asked.Store(0)
		hook, err := ParseWebhook(server.URL + "/s3cret/" + path)
		if err != nil {
			t.Fatal(err)
		}
		if path == "hangs" {
			hook.within = 300 * time.Millisecond
		}
		var logged strings.Builder
		err = hook.Send(t.Context(), http.DefaultTransport, remote.Policy{Log: slog.New(slog.NewTextHandler(&logged, nil)), Wait: atOnce}, broken)
		text := fmt.Sprintf("%v %v %+v", err, logged.String(), hook)
		if strings.Contains(text, "s3cret") || strings.Contains(text, "127.0.0.1") {
			t.Errorf("%s: the URL is shown: %s", path, text)
		}
		switch {
		case path == "hangs":
			if err == nil {
				t.Error("a webhook that hangs: no error")
			}
		case test.want == "" && err != nil, test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)), int(asked.Load()) != test.asked:
			t.Errorf("%s: asked %d times, %v; want %d, %q", path, asked.Load(), err, test.asked, test.want)
		}
	}
	server.Close()
	hook, err := ParseWebhook(server.URL + "/s3cret/gone")
	if err != nil {
		t.Fatal(err)
	}
	if err := hook.Send(t.Context(), http.DefaultTransport, remote.Policy{Wait: atOnce}, broken); err == nil || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("a server that is gone: %v", err)
	}
	for _, bad := range []string{"s3cret", "http://chat.example.org/s3cret", "https://", "https://[s3cret/", "ftp://chat.example.org/s3cret", "https://chat.example.org/%zzs3cret"} {
		if _, err := ParseWebhook(bad); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
