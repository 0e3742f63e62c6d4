package container

import "time"

// SetServiceTime sets how long a service may take to answer, and gives back what it was.
func SetServiceTime(d time.Duration) (was time.Duration) {
	was, serviceTime = serviceTime, d
	return was
}
