package ci

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/ci/tools"
)

// proposing lets the workflows of a test open pull requests: in place of gh there is a script that
// remembers them, and git pushes nothing.
func proposing(t *testing.T) *actions {
	t.Helper()
	a := newActions(t)
	for _, name := range []string{"releases/services.json", "releases/images/digests.json", "releases/shared-tags.yaml", "docs/supported.md", "releases/organization/organization.yaml"} {
		a.brings(name, "{}")
	}
	git := exec.Command("sh", "-c", "git init --quiet --initial-branch=main && git -c user.name=x -c user.email=x@example.org commit --quiet --allow-empty -m one && git add . && git -c user.name=x -c user.email=x@example.org commit --quiet -m two")
	git.Dir = a.checkout
	if out, err := git.CombinedOutput(); err != nil {
		t.Skipf("no git: %v\n%s", err, out)
	}
	a.tool("go", "ln -sf "+filepath.Join(a.tools, "program")+" mageos-nightly")
	a.tool("gh", `echo "gh $*, $GH_REPO"
case "$1 $2" in
"pr view") [ ! -e `+a.dir+`/opened-$3 ] || echo OPEN ;;
"pr create") touch `+a.dir+`/opened-$4 ;;
esac`)
	a.tool("git", `[ "$1" = push ] || exec `+tools.Find("git")+` "$@"
echo "git $*"`)
	return a
}

// Images that are made, published and looked up, and a pull request with what changed: one, that
// is renewed; none if nothing has changed.
func TestImagesWorkflow(t *testing.T) {
	t.Parallel()
	a := proposing(t)
	a.tool("program", `echo "program $*"
[ "$2" != supported ] || { mkdir -p docs; printf "{}" > "$4"; }
[ "$2" != update ] || printf '%s' "$DIGESTS" > releases/images/digests.json`)
	a.tool("docker", `echo "docker $*"; cat > /dev/null`)
	for _, run := range []struct{ digests, wants, not string }{
		{"{}", "nothing has changed", "git push"},
		{`{"a": "sha256:1"}`, "gh pr create --head images --title Bring the images up to date", "nothing has changed"},
		{`{"a": "sha256:2"}`, "git push --force", "gh pr create"},
	} {
		a.override["DIGESTS"] = run.digests
		jobs := a.workflow("images.yml", "schedule", nil)
		expectJobs(t, jobs, map[string]string{"images": "success", "propose": "success"})
		if said := jobs["images"].said; !strings.Contains(said, "program images publish --platform linux/amd64,linux/arm64") || !strings.Contains(said, "docker login ghcr.io") || strings.Contains(said, "docker login ghcr.io token") {
			t.Errorf("what was made:\n%s", said)
		}
		if said := jobs["propose"].said; !strings.Contains(said, run.wants) || strings.Contains(said, run.not) {
			t.Errorf("%s: want %q and no %q:\n%s", run.digests, run.wants, run.not, said)
		}
	}
}

// What others have now is proposed here; what was released, where the lines read it.
func TestSourcesWorkflow(t *testing.T) {
	t.Parallel()
	a := proposing(t)
	a.vars["RELEASE_APP"], a.secrets["RELEASE_APP_KEY"] = "1", "key"
	a.tool("program", `echo "program $*"
case "$1 $2" in
"lines history") echo '{}' > "$5/3.4.0.json" ;;
"lines pin") echo "new: true" > releases/shared-tags.yaml ;;
esac`)
	jobs := a.workflow("sources.yml", "schedule", nil)
	expectJobs(t, jobs, map[string]string{"history": "success", "compare": "success", "propose": "success"})
	for id, wants := range map[string][]string{
		"history": {"program lines history mageos --to data", "git push --force", "/acme/generate-mirror-repo-js HEAD:refs/heads/history", "gh pr create --head history", ", acme/generate-mirror-repo-js"},
		"compare": {"program org export --declared --list releases/organization/organization.yaml --output releases/organization/organization.yaml", "program lines pin"},
		"propose": {"/acme/nightly HEAD:refs/heads/sources", "gh pr create --head sources", ", acme/nightly"},
	} {
		for _, want := range wants {
			if !strings.Contains(jobs[id].said, want) {
				t.Errorf("job %s: want %q:\n%s", id, want, jobs[id].said)
			}
		}
	}
}
