package publish

import (
	"strconv"
	"strings"
)

// splitNight gives the date and the number of a night's name.
func splitNight(name string) (date string, number int) {
	date, n, found := strings.Cut(name, ".")
	if found {
		number, _ = strconv.Atoi(n) // digits: isNight
	}
	return date, number
}
