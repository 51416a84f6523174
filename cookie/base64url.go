package cookie

import "encoding/binary"

// base64url decodes unpadded base64url (RFC 4648 §5), of which every message has
// exactly one spelling: no line ends, and no stray bits at its end. It takes half
// the time that encoding/base64 takes, which was most of what opening a cookie
// took.
type base64url struct {
	// bits are what a character stands for in each of the four places of a group;
	// foreign where it stands for nothing.
	bits [4][256]uint32
}

const (
	alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	foreign  = 1 << 31 // beyond the 24 bits of a group
)

func newBase64url() *base64url {
	d := &base64url{}
	for place := range d.bits {
		for i := range d.bits[place] {
			d.bits[place][i] = foreign
		}
		for value, character := range []byte(alphabet) {
			d.bits[place][character] = uint32(value) << (18 - 6*place)
		}
	}
	return d
}

// decodedLen is how many bytes n characters are.
func decodedLen(n int) int { return n * 6 / 8 }

func (d *base64url) group(text string) uint32 {
	return d.bits[0][text[0]] | d.bits[1][text[1]] | d.bits[2][text[2]] | d.bits[3][text[3]]
}

// decode writes decodedLen(len(text)) bytes to dst, or reports that text is none.
func (d *base64url) decode(dst []byte, text string) bool {
	for len(text) >= 8 && len(dst) >= 8 { // six bytes, and two that the next ones overwrite
		first, second := d.group(text), d.group(text[4:])
		if (first|second)&foreign != 0 {
			return false
		}
		binary.BigEndian.PutUint64(dst, uint64(first)<<40|uint64(second)<<16)
		text, dst = text[8:], dst[6:]
	}
	for len(text) >= 4 {
		group := d.group(text)
		if group&foreign != 0 {
			return false
		}
		dst[0], dst[1], dst[2] = byte(group>>16), byte(group>>8), byte(group)
		text, dst = text[4:], dst[3:]
	}
	return d.end(dst, text)
}

// end decodes a last group of less than four characters.
func (d *base64url) end(dst []byte, text string) bool {
	group, stray := uint32(0), uint32(0)
	switch len(text) {
	case 0:
		return true
	case 1:
		return false
	case 2:
		group, stray = d.bits[0][text[0]]|d.bits[1][text[1]], 0xffff
	case 3:
		group, stray = d.bits[0][text[0]]|d.bits[1][text[1]]|d.bits[2][text[2]], 0xff
	}
	if group&(foreign|stray) != 0 {
		return false
	}
	for i := range dst {
		dst[i] = byte(group >> (16 - 8*i))
	}
	return true
}
