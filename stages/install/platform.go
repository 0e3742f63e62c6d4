package install

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// platform asks Composer whether PHP and its extensions suffice for what is
// installed, whether the project's composer.json is valid, and which packages
// have known vulnerabilities. Only the first is a condition.
func (s *shop) platform(ctx context.Context) error {
	if _, err := s.run(ctx, s.composer("check-platform-reqs", "check-platform-reqs")); err != nil {
		return err
	}
	s.prove("platform", "PHP %s and its extensions suffice for every package", s.tool("php"))
	if err := s.validate(ctx); err != nil {
		return err
	}
	return s.audit(ctx)
}

// composer is a command of Composer in the project.
func (s *shop) composer(step string, args ...string) command {
	return command{step: step, dir: s.project(), args: slices.Concat(s.programs.composer, args, []string{"--no-interaction", "--no-ansi"}), served: true}
}

// tool is the version of a tool, as the candidate has it.
func (s *shop) tool(name string) string { return stages.ToolVersion(s.candidate.Tools, name) }

func (s *shop) validate(ctx context.Context) error {
	lines, err := s.lines(ctx, s.composer("validate", "validate", "--no-check-publish"))
	var failed *stepError
	switch {
	case err == nil:
		s.prove("validate", "the project's composer.json is valid")
	case errors.As(err, &failed) && failed.exit > 0:
		for _, line := range lines {
			if text, ok := strings.CutPrefix(line, "- "); ok {
				s.notice("composer", "validate", text)
			}
		}
		s.skip("validate", "composer validate is not content; see the warnings")
	default:
		return err
	}
	return nil
}

// audit needs a repository with security advisories, which is Packagist.
func (s *shop) audit(ctx context.Context) error {
	if !slices.ContainsFunc(s.candidate.Composer, hasAdvisories) {
		s.skip("audit", "none of the line's Composer repositories has security advisories; packagist.org has")
		return nil
	}
	lines, err := s.lines(ctx, s.composer("audit", "audit", "--format=plain"))
	var failed *stepError
	switch {
	case err == nil:
		s.prove("audit", "no package has a known vulnerability")
	case errors.As(err, &failed) && unreachable.MatchString(joinLines(failed.output)):
		s.skip("audit", "the security advisories cannot be reached: %s", unreachable.FindString(joinLines(failed.output)))
	case errors.As(err, &failed) && failed.exit > 0:
		s.advisories(lines)
	default:
		return err
	}
	return nil
}

func hasAdvisories(r releases.ComposerRepository) bool {
	u, err := url.Parse(r.URL)
	return err == nil && (u.Hostname() == "packagist.org" || strings.HasSuffix(u.Hostname(), ".packagist.org"))
}

var auditRow = regexp.MustCompile(`^(Package|Title|CVE): (.*)$`)

// advisories notes what composer audit found: its rows Package, CVE and Title.
func (s *shop) advisories(lines []string) {
	row := map[string]string{}
	count := 0
	for _, line := range lines {
		found := auditRow.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		if row[found[1]] = found[2]; found[1] == "Title" {
			s.notice("composer", "advisory", strings.Join([]string{row["Package"], row["CVE"], row["Title"]}, ": "))
			count++
		}
	}
	s.skip("audit", "%d known vulnerabilities; see the warnings", count)
}
