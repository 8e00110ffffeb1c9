package targeting

import (
	"strings"
	"unicode"
)

// foldCase returns a text of which two are equal where they differ by case alone: by simple
// case folding (Unicode's CaseFolding.txt, statuses C and S), which regular expressions
// with (?i) use too. It allocates only where it changes something.
func foldCase(text string) string { return strings.Map(foldRune, text) }

// foldRune returns one rune for all runes that fold to the same: the ASCII letter in lower
// case where there is one, else the smallest.
func foldRune(r rune) rune {
	least := r
	if r > unicode.MaxASCII {
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
	}
	if 'A' <= least && least <= 'Z' {
		return least - 'A' + 'a'
	}
	return least
}
