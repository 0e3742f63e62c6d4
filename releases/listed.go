package releases

import (
	"strings"

	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/organization"
)

// listedPrefix begins the URL of a repository that the organization's list has.
const listedPrefix = "organization:"

// nameListed puts the URLs of listed repositories where a line names those, as in
// organization:mageos-magento2: the host and the owner of a repository stand once, in
// the list.
func nameListed(l *Line, add func(at config.Path, format string, args ...any)) {
	for _, at := range l.gitURLs() {
		listed, ok := strings.CutPrefix(*at.url, listedPrefix)
		if !ok {
			continue
		}
		url, err := organization.DeclaredURL(listed)
		if err != nil {
			add(at.path, "%v", err)
			continue
		}
		*at.url = url
	}
}

// A lineURL is the URL of a git repository in a line.
type lineURL struct {
	path config.Path
	url  *string
}

func (l *Line) gitURLs() []lineURL {
	var urls []lineURL
	for i := range l.Repositories {
		urls = append(urls, lineURL{config.At("repositories", i, "url"), &l.Repositories[i].URL})
	}
	for i := range l.Editions {
		for j := range l.Editions[i].Require {
			urls = append(urls, lineURL{config.At("editions", i, "require", j, "latest-tag"), &l.Editions[i].Require[j].LatestTag})
		}
	}
	if l.Data != nil {
		urls = append(urls, lineURL{config.At("data", "url"), &l.Data.URL})
	}
	return urls
}
