package publish

import (
	"strconv"
	"strings"
)

// splitSnapshot gives the date and the number of a night's name.
func splitSnapshot(name string) (date string, number int) {
	date, n, found := strings.Cut(name, ".")
	if found {
		number, _ = strconv.Atoi(n) // digits: isNight
	}
	return date, number
}
