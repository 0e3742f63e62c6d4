package releases

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
)

// TrustFile is where php-tuf/composer-integration looks in a project for the root that is trusted for a repository.
func TrustFile(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	return "tuf/" + u.Hostname() + ".json", nil
}

// CheckTrust says what is wrong with Trust.
func (l *Line) CheckTrust() error {
	var root struct {
		Signed struct {
			Type  string               `json:"_type"`
			Place struct{ URL string } `json:"x-nightly"`
		} `json:"signed"`
	}
	switch err := json.Unmarshal([]byte(l.Trust), &root); {
	case err != nil || root.Signed.Type != "root":
		return errors.New("want the text of a root.json, as mageos-nightly trust init writes it")
	case root.Signed.Place.URL != l.URL:
		return fmt.Errorf("it is the root of %q, and the line's URL is %s", root.Signed.Place.URL, l.URL)
	}
	return nil
}
