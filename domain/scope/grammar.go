package scope

// named reports whether text is 1 to most bytes, begins with a byte that first
// accepts, and goes on with bytes that first accepts or one of "._-".
func named(text string, most int, first func(byte) bool) bool {
	if text == "" || len(text) > most || !first(text[0]) {
		return false
	}
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case first(c), c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

func lowerOrDigit(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

func letterOrDigit(c byte) bool { return lowerOrDigit(c) || 'A' <= c && c <= 'Z' }

// DotSegment reports whether a text is "." or "..". Clients and proxies remove these from
// paths (RFC 3986, section 5.2.4), so that they cannot be names.
func DotSegment(text string) bool { return text == "." || text == ".." }
