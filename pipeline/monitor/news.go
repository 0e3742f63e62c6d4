package monitor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/pipeline/remote"
)

// News is what people are told elsewhere than in an issue.
type News struct {
	State State    `json:"state"`
	At    string   `json:"at"`    // what is watched
	Title string   `json:"title"` // one sentence
	Wrong []string `json:"wrong"` // empty: it is well again
	// Suspects are the commits that may have broken it, the most likely first.
	Suspects []string `json:"suspects,omitempty"`
	Issue    string   `json:"issue"` // URL
	Run      string   `json:"run"`   // URL of the run that saw it; empty: none
}

// A State is what has become of what is watched.
type State string

// The states that are news. Quiet is none.
const (
	Quiet       State = ""
	Broken      State = "broken"
	StillBroken State = "still broken"
	Healed      State = "healed"
)

// A Webhook takes news. Its URL is a secret: it cannot print, and no error has a part of it.
type Webhook struct {
	url    remote.Token
	form   func(News) any
	within time.Duration // all tries and the waits between them have to end
}

// ParseWebhook reads the URL of a webhook. Discord and Slack, known by their hosts, get news as they want them, and all
// others a News as JSON, with a text beside it.
func ParseWebhook(text string) (*Webhook, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, errors.New("holds no https:// URL")
	}
	w := &Webhook{remote.NewToken(u.String()), plain, newsTime}
	switch host := strings.ToLower(u.Hostname()); {
	case host == "hooks.slack.com":
		w.form = slack
	case host == "discord.com", host == "discordapp.com", strings.HasSuffix(host, ".discord.com"):
		w.form = discord
	}
	return w, nil
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// newsTime is how long a webhook may take.
const newsTime = 30 * time.Second

// Send sends news within newsTime. It follows no redirect, which would hand on the URL.
func (w *Webhook) Send(ctx context.Context, transport http.RoundTripper, policy remote.Policy, n News) error {
	data, err := json.Marshal(w.form(n))
	if err != nil {
		return err
	}
	policy.Tries, policy.Timeout, policy.Deadline = 3, w.within/3, w.within
	err = policy.Do(ctx, "the webhook", func(ctx context.Context) error { return w.post(ctx, transport, data) })
	if err != nil {
		return fmt.Errorf("send the news to the webhook: %w", err)
	}
	return nil
}

func (w *Webhook) post(ctx context.Context, transport http.RoundTripper, data []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url.Reveal(), bytes.NewReader(data))
	if err != nil {
		return errors.New("its URL cannot be asked")
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := transport.RoundTrip(request)
	if err != nil { // which may name the host, or more
		return remote.Again(errors.New("no answer"), 0)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection can be used again
	_ = response.Body.Close()
	if busy := remote.Busy(response); busy != nil {
		return busy
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("it answered %d", response.StatusCode)
	}
	return nil
}

// Bounds of a message: Discord takes 2,000 characters.
const (
	maxLines = 8
	maxLine  = 120 // in characters: of two lists
)

// text is a message; code marks what others have written, and link is a URL.
func (n News) text(code, link func(string) string) string {
	lines := append([]string{n.Title}, list(n.Wrong, code)...)
	if len(n.Suspects) > 0 {
		lines = append(append(lines, "Suspects:"), list(n.Suspects, code)...)
	}
	for _, at := range []string{n.Issue, n.Run} {
		if at != "" {
			lines = append(lines, link(at))
		}
	}
	return strings.Join(lines, "\n")
}

// list is a line of each text, within the bounds.
func list(texts []string, code func(string) string) (lines []string) {
	for i, what := range texts {
		if i == maxLines {
			return append(lines, fmt.Sprintf("• and %d more", len(texts)-maxLines))
		}
		what = markdown.Printable(strings.Join(strings.Fields(what), " "))
		if runes := []rune(what); len(runes) > maxLine {
			what = string(runes[:maxLine]) + "…"
		}
		lines = append(lines, "• "+code(what))
	}
	return lines
}

// plain is for whoever reads JSON; many chats take the text.
func plain(n News) any {
	asItIs := func(text string) string { return text }
	return struct {
		Text string `json:"text"`
		News
	}{n.text(asItIs, asItIs), n}
}

// code is what others wrote, as chats show it without looking for what it means.
func code(text string) string { return "`" + strings.ReplaceAll(text, "`", "'") + "`" }

// angled is a link as Slack has it, and Discord without a preview.
func angled(link string) string { return "<" + link + ">" }

// discord is https://discord.com/developers/docs/resources/webhook#execute-webhook. Nobody is pinged by what others wrote.
func discord(n News) any {
	return map[string]any{"content": n.text(code, angled), "allowed_mentions": map[string]any{"parse": []string{}}}
}

// slackEscaper is https://api.slack.com/reference/surfaces/formatting#escaping.
var slackEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// slack is https://api.slack.com/messaging/webhooks.
func slack(n News) any {
	n.Title = slackEscaper.Replace(n.Title)
	return map[string]any{"text": n.text(func(text string) string { return code(slackEscaper.Replace(text)) }, angled)}
}
