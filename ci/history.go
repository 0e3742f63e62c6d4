package ci

import (
	"strings"
	"time"

	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/releases/github"
)

// history is where the commits between two nights come from, for mageos-nightly compare, the
// page and release notes: GitHub's comparison for what lies on GitHub, with its pull
// requests, and git for all else and where GitHub does not answer.
func (c *chain) history() (compare.History, error) {
	elsewhere := git.NewHistory(git.Options{Token: c.world.token, SSH: c.world.ssh(), Locate: c.carried.locate, Log: c.log})
	o := github.Options{
		Token: github.NewToken(c.world.token("github.com")), Log: c.log,
		// There is another way to the commits, and somebody waits.
		LongestWait: 20 * time.Second, Tries: 2,
	}
	// Set by GitHub's own runners; of an Enterprise Server it is another one.
	if api := strings.TrimRight(c.world.getenv("GITHUB_API_URL"), "/"); api != "" && api != "https://api.github.com" {
		o.BaseURL, o.Token = api+"/", github.NewToken(c.world.getenv("GH_ENTERPRISE_TOKEN"))
	}
	client, err := github.New(o)
	if err != nil {
		return nil, &usageError{err}
	}
	return github.NewHistory(client, elsewhere), nil
}
