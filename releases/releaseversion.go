package releases

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/mage-os/nightly/releases/config"
)

// ReleasePolicy gives every package of a line the one version that a person
// chose, and tags its repositories with it.
const ReleasePolicy = "release"

// IsRelease says whether the line makes tagged releases.
func (l *Line) IsRelease() bool { return l.Versions.Policy == ReleasePolicy }

// A ReleaseVersion is the version of a tagged release: two or three numbers, and
// at most one suffix. Before its release lie -alphaN, -betaN and -rcN, above it
// -pN, a patch: Mage-OS's rule, which is Composer's too and not semver's.
type ReleaseVersion struct {
	text string
	// core holds the three numbers, and a pre-release as alpha.N, beta.N or rc.N:
	// so semver compares N as a number.
	core  *semver.Version
	patch int // N of -pN; 0: none
}

// releasePattern matches a version of a release.
var releasePattern = regexp.MustCompile(`^((?:0|[1-9][0-9]{0,5})(?:\.(?:0|[1-9][0-9]{0,5})){1,2})(?:-(?:(alpha|beta|rc)([1-9][0-9]{0,3})?|p([1-9][0-9]{0,3})))?$`)

// ParseReleaseVersion reads the version of a release. The error is a *config.Error.
func ParseReleaseVersion(text string) (ReleaseVersion, error) {
	parts := releasePattern.FindStringSubmatch(text)
	if parts == nil {
		return ReleaseVersion{}, config.Errorf("version %.60q: want two or three numbers, and at most one of -alphaN, -betaN, -rcN and -pN, such as 3.1.0, 3.1.0-beta1 or 3.1.0-p1", text)
	}
	numbers, suffix, count, patch := parts[1], parts[2], cmp.Or(parts[3], "0"), cmp.Or(parts[4], "0")
	if strings.Count(numbers, ".") == 1 {
		numbers += ".0"
	}
	if suffix != "" {
		numbers += "-" + suffix + "." + count
	}
	core, err := semver.StrictNewVersion(numbers)
	if err != nil {
		return ReleaseVersion{}, config.Errorf("version %.60q: %w", text, err)
	}
	number, err := strconv.Atoi(patch)
	if err != nil {
		return ReleaseVersion{}, config.Errorf("version %.60q: %w", text, err)
	}
	return ReleaseVersion{text: text, core: core, patch: number}, nil
}

// String is the version as it was written.
func (v ReleaseVersion) String() string { return v.text }

// IsPrerelease reports whether it is an alpha, a beta or a release candidate.
func (v ReleaseVersion) IsPrerelease() bool { return v.core.Prerelease() != "" }

// Compare orders versions: negative if v lies below other.
func (v ReleaseVersion) Compare(other ReleaseVersion) int {
	return cmp.Or(v.core.Compare(other.core), cmp.Compare(v.patch, other.patch))
}

// Above says what is wrong with a version that does not lie above the last
// release: of its own numbers (3.1) if there is one, else of its first number, else
// of all. So 2.2.3 can still be released when 3.0.0 is out. The version itself is
// none of the others: it is being finished. Texts that are no versions of releases
// do not count.
func (v ReleaseVersion) Above(others []string) error {
	last := v.last(others)
	if last.core == nil || v.Compare(last) > 0 {
		return nil
	}
	return config.Errorf("version %s is not above %s, the last release there; choose a higher one", v, last)
}

// last is the release that v has to lie above; its core is nil if there is none.
func (v ReleaseVersion) last(others []string) ReleaseVersion {
	var all []ReleaseVersion
	for _, text := range others {
		if o, err := ParseReleaseVersion(text); err == nil && text != v.text {
			all = append(all, o)
		}
	}
	for _, near := range []func(ReleaseVersion) bool{
		func(o ReleaseVersion) bool {
			return o.core.Major() == v.core.Major() && o.core.Minor() == v.core.Minor()
		},
		func(o ReleaseVersion) bool { return o.core.Major() == v.core.Major() },
		func(ReleaseVersion) bool { return true },
	} {
		var found []ReleaseVersion
		for _, o := range all {
			if near(o) {
				found = append(found, o)
			}
		}
		if len(found) > 0 {
			return slices.MaxFunc(found, ReleaseVersion.Compare)
		}
	}
	return ReleaseVersion{}
}

// Before is the highest of the others below v, "" if there is none: what its
// release notes compare with. A release is not compared with pre-releases.
func (v ReleaseVersion) Before(others []string) string {
	var best ReleaseVersion
	for _, text := range others {
		o, err := ParseReleaseVersion(text)
		if err != nil || o.Compare(v) >= 0 || o.IsPrerelease() && !v.IsPrerelease() {
			continue
		}
		if best.core == nil || o.Compare(best) > 0 {
			best = o
		}
	}
	return best.text
}

// upstreamPattern matches a version of upstream: 2.4.8, 2.4.8-p3.
var upstreamPattern = regexp.MustCompile(`^[0-9]+(?:\.[0-9]+){2}(?:-(?:p|alpha|beta|rc)[0-9]*)?$`)

// checkUpstreamVersion says what is wrong with --upstream.
func checkUpstreamVersion(text string) error {
	if !upstreamPattern.MatchString(text) {
		return fmt.Errorf("upstream version %.60q: want three numbers and perhaps a patch, such as 2.4.8 or 2.4.8-p3", text)
	}
	return nil
}

// Release makes the line one of a version: of what upstream's packages are
// replaced, and which refs are taken, NAME=REF each. The error is a *config.Error with
// all problems.
func (l *Line) Release(version, upstream string, refs []string) error {
	if !l.IsRelease() {
		return config.Errorf("line %s makes no releases: its versions follow the policy %q; want versions: {policy: %s}", l.Name, l.Versions.Policy, ReleasePolicy)
	}
	_, err := ParseReleaseVersion(version)
	problems := []error{err}
	switch {
	case upstream == "" && l.Upstream != nil:
		problems = append(problems, fmt.Errorf("--upstream: name the version of %s that this release stands for, such as 2.4.8-p3", l.Upstream.Package))
	case upstream != "" && l.Upstream == nil:
		problems = append(problems, fmt.Errorf("--upstream %s: line %s replaces no packages; leave it out", upstream, l.Name))
	case upstream != "":
		problems = append(problems, checkUpstreamVersion(upstream))
		l.Upstream.Version = upstream
	}
	for _, ref := range refs {
		problems = append(problems, l.setRef(ref))
	}
	if err := errors.Join(problems...); err != nil {
		return &config.Error{Err: err}
	}
	return nil
}

func (l *Line) setRef(text string) error {
	name, ref, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("--ref %s: want NAME=BRANCH", text)
	}
	i := slices.IndexFunc(l.Repositories, func(r Repository) bool { return r.Name == name })
	if i < 0 {
		return fmt.Errorf("--ref %s: line %s has no repository %s", text, l.Name, name)
	}
	if err := config.CheckRef(ref); err != nil {
		return fmt.Errorf("--ref %s: %w", text, err)
	}
	l.Repositories[i].Ref = ref
	return nil
}
