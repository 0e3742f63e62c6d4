package ci

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A release in two jobs: what was approved as a preview is released, byte for byte;
// the same run again changes nothing.
func TestReleaseWorkflow(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	a := newActions(t)
	a.vars["RELEASE_APP"] = "1"
	a.secrets["RELEASE_APP_KEY"] = "key"
	a.tool("gh", `echo "gh $*"`)
	a.secrets["PREVIEW_TARGET"], a.secrets["RELEASE_TARGET"] = m.preview(), m.target()
	inputs := map[string]any{"version": "1.1.0", "upstream": "2.1.0-p1", "line": m.line, "public": false}

	var refs map[string]string
	for i := range 2 {
		jobs := a.workflow("release.yml", "workflow_dispatch", inputs)
		expectJobs(t, jobs, map[string]string{"preview": "success", "promote": "success", "after": "success"})
		if !strings.Contains(jobs["after"].said, "gh workflow run sources.yml") {
			t.Errorf("nobody keeps what was released:\n%s", jobs["after"].said)
		}
		if i == 0 {
			refs = m.refs("monorepo")
			for id, want := range map[string]string{"preview": "### Published", "promote": "### Test installations"} {
				if !strings.Contains(jobs[id].page, want) {
					t.Errorf("the page of job %s has no %q:\n%s", id, want, jobs[id].page)
				}
			}
		}
	}
	if refs["refs/tags/1.1.0"] == "" || refs["refs/tags/1.1.0"] != refs["refs/heads/release/1.1.0"] {
		t.Errorf("refs: %v", refs)
	}
	if diff := cmp.Diff(refs, m.refs("monorepo")); diff != "" {
		t.Errorf("the second run changed refs (-first +second):\n%s", diff)
	}
	preview, released := m.files(filepath.Join(m.preview(), "dists")), m.files(filepath.Join(m.target(), "dists"))
	if diff := cmp.Diff(preview, released); diff != "" || len(released) < 10 {
		t.Errorf("dists (-preview +release):\n%s", diff)
	}
}

// A key of sftp reaches the program as a file that nobody else can read.
func TestDeployKeyOfWorkflows(t *testing.T) {
	t.Parallel()
	a := newActions(t)
	a.secrets["MIRROR_TARGET"] = filepath.Join(a.dir, "html")
	a.secrets["MIRROR_DEPLOY_KEY"], a.secrets["MIRROR_KNOWN_HOSTS"] = "a key", "a host"
	a.tool("go", `printf '#!/bin/sh\nls -l "$NIGHTLY_DEPLOY_KEY"; cat "$NIGHTLY_DEPLOY_KEY" "$NIGHTLY_KNOWN_HOSTS"\n' > mageos-nightly && chmod +x mageos-nightly`)
	jobs := a.workflow("mirror.yml", "schedule", nil)
	expectJobs(t, jobs, map[string]string{"mirror": "success"})
	if said := jobs["mirror"].said; !strings.Contains(said, "-rw------- ") || !strings.Contains(said, "a key\na host\n") {
		t.Errorf("it said:\n%s", said)
	}
}
