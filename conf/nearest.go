package conf

import "strings"

// nearest returns the candidate that was most likely meant by a mistyped word,
// or "" when none is close: at most one edit in three letters, a swap of
// neighbours being one edit. Case is ignored, so that VRID finds vrid.
func nearest(word string, candidates []string) string {
	if len(word) > 64 {
		return ""
	}
	best, least := "", 1+max(1, len(word)/3)
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// DidYouMean is the hint for a word that is none of the candidates: the nearest
// one, or all of them under the given label.
func DidYouMean(word string, candidates []string, label string) string {
	return didYouMean(word, candidates, label)
}

// didYouMean is the hint for a mistyped word; without a near candidate it lists
// them all under the given label.
func didYouMean(word string, candidates []string, label string) string {
	if n := nearest(word, candidates); n != "" {
		return "did you mean " + n + "?"
	}
	if len(candidates) == 0 {
		return ""
	}
	return label + ": " + strings.Join(candidates, ", ")
}

// distance is the number of edits between two words: insertions, deletions,
// substitutions and swaps of neighbours (optimal string alignment).
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
