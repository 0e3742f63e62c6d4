package github

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases/github/fake"
)

func TestAsked(t *testing.T) {
	g, _, c := newFake(t)
	head := strings.Repeat("ab", 20)
	asked := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	comment := func(user, body string) map[string]any {
		return map[string]any{
			"action": "created", "sender": map[string]any{"login": user}, "issue": map[string]any{"number": 7, "pull_request": map[string]any{}},
			"comment": map[string]any{"body": body, "created_at": asked, "user": map[string]any{"login": user}},
		}
	}
	pull := func(action, user, label, sha string) map[string]any {
		return map[string]any{"action": action, "sender": map[string]any{"login": user}, "label": map[string]any{"name": label}, "pull_request": map[string]any{"number": 7, "head": map[string]any{"sha": sha}}}
	}
	edited := comment("ada", "/try")
	edited["action"] = "edited"
	onIssue := comment("ada", "/try")
	onIssue["issue"] = map[string]any{"number": 7}
	build := Asked{Do: AskedBuild, Repository: Repository{"acme", "shop"}, Number: 7, Head: head}
	for _, test := range []struct {
		name   string
		event  map[string]any
		pushed time.Duration // after it was asked
		closed bool
		want   Asked
		why    string
	}{
		{name: "a comment", event: comment("ada", "/try\r\nplease"), pushed: -time.Minute, want: build},
		{name: "a comment with the commit", event: comment("ada", "/try "+head[:10]), pushed: time.Minute, want: build},
		{name: "the label", event: pull("labeled", "ada", "preview", head), pushed: time.Minute, want: build},
		{name: "closed", event: pull("closed", "nobody", "", head), closed: true, want: Asked{Do: AskedRemove, Number: 7, Repository: build.Repository}},
		{name: "other words", event: comment("ada", "please /try")},
		{name: "another command", event: comment("ada", "/tryit")},
		{name: "an edited comment", event: edited},
		{name: "an issue", event: onIssue},
		{name: "another label", event: pull("labeled", "ada", "bug", head)},
		{name: "a push", event: pull("synchronize", "ada", "preview", head)},
		{name: "a stranger", event: comment("eve", "/try"), pushed: -time.Minute, why: "only who may write"},
		{name: "a stranger's label", event: pull("labeled", "eve", "preview", head), why: "only who may write"},
		{name: "pushed after the comment", event: comment("ada", "/try"), pushed: time.Second, why: "say `/try abababab"},
		{name: "pushed in the same second", event: comment("ada", "/try"), why: "was pushed to eve/shop"},
		{name: "pushed after the label", event: pull("labeled", "ada", "preview", strings.Repeat("cd", 20)), why: "cdcdcdcdcd was asked for"},
		{name: "another commit than was read", event: comment("ada", "/try 0123456789"), pushed: -time.Minute, why: "0123456789 was asked for"},
		{name: "one that is closed", event: comment("ada", "/try"), pushed: -time.Minute, closed: true, why: "it is closed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := g.Repositories["acme/shop"]
			r.Permissions = map[string]string{"ada": "write"}
			r.Pulls = []fake.Pull{{Number: 7, Closed: test.closed, Head: fake.PullHead{Commit: head, Repository: "eve/shop", Pushed: asked.Add(test.pushed)}}}
			test.event["repository"] = map[string]any{"full_name": "acme/shop"}
			event, err := json.Marshal(test.event)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Asked(t.Context(), event, "preview")
			if err != nil {
				t.Fatal(err)
			}
			if test.why != "" {
				if got.Do != AskedRefused || got.Head != "" || !strings.Contains(got.Why, test.why) {
					t.Errorf("%+v; want it refused: %s", got, test.why)
				}
				return
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
