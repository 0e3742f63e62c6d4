package lines

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/golden"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/organization"
)

// TestLinesAndOrganization holds the lines and the list together: a repository of
// the organization is named in a line by the list alone, the list says which lines
// build it, and it has the branches that they build.
func TestLinesAndOrganization(t *testing.T) {
	list, err := organization.Load("")
	if err != nil {
		t.Fatal(err)
	}
	built := map[string][]string{}
	for _, name := range Names() {
		text, err := releases.Files.ReadFile(name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if address := list.URL + list.Name + "/"; bytes.Contains(text, []byte(address)) {
			t.Errorf("%s.yaml holds %s…: write organization:NAME, so that the repository is named once", name, address)
		}
		line, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range line.Repositories {
			checkBuilt(t, list, name, r.URL, r.Ref, built)
		}
		for _, e := range line.Editions {
			for _, r := range e.Require {
				checkBuilt(t, list, name, r.LatestTag, "", built)
			}
		}
		if line.Data != nil {
			checkBuilt(t, list, name, line.Data.URL, "", built)
		}
	}
	if golden.Update() {
		writeLines(t, list, built)
	}
	for _, r := range list.Repositories {
		want := slices.Sorted(slices.Values(built[r.Name]))
		if diff := cmp.Diff(slices.Compact(want), append([]string(nil), r.Lines...)); diff != "" {
			t.Errorf("%s: lines (-built by +listed):\n%s", r.Name, diff)
		}
	}
}

// declaredComment stands at the top of the list that the program carries.
const declaredComment = `The repositories of Mage-OS. Release lines name them as organization:NAME; docs/organization.md says what else this
file can hold. People, teams, permissions and protections are not declared yet: mageos-nightly org export takes them from GitHub.`

// writeLines writes the list anew, with the lines that build its repositories.
func writeLines(t *testing.T, list *organization.List, built map[string][]string) {
	t.Helper()
	for i := range list.Repositories {
		list.Repositories[i].Lines = slices.Compact(slices.Sorted(slices.Values(built[list.Repositories[i].Name])))
	}
	text, err := list.YAML(declaredComment)
	if err == nil {
		err = os.WriteFile("../organization/organization.yaml", text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func checkBuilt(t *testing.T, list *organization.List, line, url, ref string, built map[string][]string) {
	t.Helper()
	name, ours := strings.CutPrefix(strings.TrimSuffix(url, ".git"), list.URL+list.Name+"/")
	if !ours {
		return
	}
	r, ok := list.Repository(name)
	if !ok || r.Archived {
		t.Errorf("line %s builds %s, which the list does not have, or as archived", line, name)
	}
	if ref != "" && !slices.Contains(r.Branches, ref) && ref != r.DefaultBranch {
		t.Errorf("line %s builds the branch %s of %s, which the list does not say to be there", line, ref, name)
	}
	built[r.Name] = append(built[r.Name], line)
}

func TestLineNamesListed(t *testing.T) {
	text := strings.Replace(goodLine, "url: https://git.example.org/shop.git", "url: organization:MAGEOS-magento2", 1)
	line, err := Parse("line.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := line.Repositories[0].URL; got != "https://github.com/mage-os/mageos-magento2.git" {
		t.Errorf("its URL is %s", got)
	}
	_, err = Parse("line.yaml", []byte(strings.Replace(text, "organization:MAGEOS-magento2", "organization:mageos-magento", 1)))
	if err == nil || !strings.Contains(err.Error(), "line.yaml:21:10: url: there is no repository mageos-magento (did you mean mageos-magento2?)") ||
		strings.Count(err.Error(), "\n") > 0 {
		t.Errorf("an unknown one: %v", err)
	}
}
