package compare

import (
	"fmt"
	"strings"
)

// Cut parts a page at the two lines between which a program writes, each without its
// line end: what stands before the first, with it, between them, and from the second
// on. It is an error where one of them is missing.
func Cut(page, begin, end string) (before, between, after string, err error) {
	before, rest, ok := strings.Cut(page, begin+"\n")
	between, after, closed := strings.Cut(rest, end+"\n")
	if !ok || !closed {
		return "", "", "", fmt.Errorf("the page has no lines %q and %q", begin, end)
	}
	return before + begin + "\n", between, end + "\n" + after, nil
}
