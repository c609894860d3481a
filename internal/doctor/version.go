package doctor

import (
	"slices"
	"strconv"
	"strings"
)

// parseVersion reads the numbers that a version begins with: "v22.21.0-rc.1" is 22, 21 and 0. It is nil for anything
// that does not begin with a number.
func parseVersion(s string) []int {
	var numbers []int
	s = strings.TrimPrefix(strings.TrimSpace(s), "v")
	for part := range strings.SplitSeq(s, ".") {
		digits := part
		if i := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
			digits = part[:i]
		}
		n, err := strconv.Atoi(digits)
		if err != nil {
			break
		}
		numbers = append(numbers, n)
		if digits != part {
			break
		}
	}
	return numbers
}

// atLeast compares versions. One that cannot be read is not below any.
func atLeast(version, minimum string) bool {
	v := parseVersion(version)
	return v == nil || slices.Compare(v, parseVersion(minimum)) >= 0
}
