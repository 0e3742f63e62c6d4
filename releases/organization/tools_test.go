package organization_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// validate asks OpenTofu, or Terraform, whether a configuration is written as its
// own formatter would, and, where NIGHTLY_GITHUB_PROVIDER names a folder with the
// GitHub provider's program, whether it is valid.
func validate(t *testing.T, hcl []byte) {
	t.Helper()
	tool, err := exec.LookPath("tofu")
	if err != nil {
		tool, err = exec.LookPath("terraform")
	}
	if err != nil {
		t.Log("neither tofu nor terraform is there: not asked about the format")
		return
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "organization.tf"), hcl, 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(rc string, args ...string) {
		t.Helper()
		file := filepath.Join(dir, "tools.rc")
		if err := os.WriteFile(file, []byte(rc), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(tool, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+file, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s %v: %v\n%s", tool, args, err, out)
		}
	}
	run("", "fmt", "-check", "-diff")
	provider := os.Getenv("NIGHTLY_GITHUB_PROVIDER")
	if provider == "" {
		t.Log("NIGHTLY_GITHUB_PROVIDER is not set: not validated")
		return
	}
	run("provider_installation {\n  dev_overrides {\n    \"integrations/github\" = \""+provider+"\"\n  }\n}\n", "validate", "-no-color")
}
