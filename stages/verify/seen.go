package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/mage-os/nightly/pipeline/files"
)

// Seen is what was verified last, in a file: nothing that was signed earlier is taken after
// it. The zero Seen is nothing.
type Seen struct {
	URL       string    `json:"url"`
	Published time.Time `json:"published"` // when it was signed
}

// ReadSeen reads the file; one that is not there is the zero Seen.
func ReadSeen(file string) (Seen, error) {
	var s Seen
	data, err := files.Read(file, files.Small)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w; remove it to begin anew", file, err)
	}
	return s, nil
}

// Remember writes what a report has verified to the file; nothing without a signature.
func (r *Report) Remember(file string) error {
	if r.Signed == nil {
		return nil
	}
	data, err := json.Marshal(Seen{r.Signed.URL, r.Signed.Published})
	if err != nil {
		return err
	}
	return files.Replace(file, append(data, '\n'))
}
