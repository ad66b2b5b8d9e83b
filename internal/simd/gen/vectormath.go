package main

import "math"

// Polynomials were fitted by Lawson's algorithm for the least relative error of
// the whole function, in 40 digits; each coefficient was rounded to float32
// before the next one was fitted. The bounds are those of the rounded ones.

var (
	// (exp r − 1 − r)/r², |r| ≤ ln2/2: exp r − 1 within 2⁻²⁶.
	expPoly = []float64{0.5, 0.166665435, 0.0416664481, 0.00836654566, 0.00139365392}
	// log(1+e)/e, 0 ≤ e ≤ 1, within 2⁻²⁷.
	softPoly = []float64{1, -0.499999315, 0.333304703, -0.24958156, 0.196931824, -0.153490216, 0.106697984, -0.0575585775, 0.0201483499, -0.00330601609}
	// (log(1+m) − m + m²/2)/m³, −1/4 ≤ m ≤ 1/2: log(1+m) within 2⁻²⁷.
	logPoly = []float64{0.333334506, -0.250001043, 0.199908167, -0.166470498, 0.144785494, -0.131632179, 0.10465236, -0.0450745746}
	// (tanh x − x)/x³ in x², |x| ≤ 5/8: tanh within 2⁻²⁷.
	tanhPoly = []float64{-0.333332837, 0.133314788, -0.0537422821, 0.0206463486, -0.0057121506}
	// 2(exp x − 1 − x)/x², |x| ≤ 1, within 2⁻²⁷.
	klPoly = []float64{1, 0.333333343, 0.0833334252, 0.0166666005, 0.00277718715, 0.000396918622, 5.06515134e-05, 5.52302845e-06}
)

const (
	magic = 0x1.8p23 // adding it rounds to a whole number, which it leaves in the last bits
	inf   = 0x7f800000
)

func (p *prog) abs(x value) value { return p.and(x, p.bits(0x7fffffff)) }
func (p *prog) neg(x value) value { return p.or(p.bits(0x80000000), x) } // −|x|

// reduce splits x = n·ln2 + r with |r| ≤ ln2/2; m is n + magic.
func (p *prog) reduce(x value) (m, n, r value) {
	m = p.fma(x, p.num(math.Log2E), p.num(magic))
	n = p.sub(m, p.num(magic))
	hi := float64(float32(math.Ln2))
	r = p.fnma(n, p.num(hi), x)
	r = p.fnma(n, p.num(math.Ln2-hi), r)
	return m, n, r
}

// power is 2^(n+shift) from m = n + magic, −127 ≤ n+shift ≤ 128; 0 at −127.
func (p *prog) power(m value, shift int) value {
	return p.iadd(p.shl(m, 23), p.bits(uint32(127+shift)<<23))
}

// expReduced is exp r.
func (p *prog) expReduced(r value) value {
	return p.poly(r, append([]float64{1, 1}, expPoly...)...)
}

// exp is exp(x)·2^shift for all x, denormal results too, and shift 0 or −1.
func (p *prog) exp(x value, shift int) value {
	x = p.min(p.num(89.5), x)
	x = p.max(p.num(-104.5), x)
	return p.expWithin(x, shift)
}

// expWithin is exp(x)·2^shift for −104.5 ≤ x ≤ 89.5.
func (p *prog) expWithin(x value, shift int) value {
	m, n, r := p.reduce(x)
	y := p.expReduced(r)
	if p.lanes == 16 {
		if shift != 0 {
			n = p.add(n, p.num(float64(shift)))
		}
		return p.scalef(y, n)
	}
	// In two steps, of which only the second rounds.
	whole := p.isub(m, p.num(magic))
	half := p.sar(whole, 1)
	rest := p.isub(whole, half)
	y = p.mul(y, p.shl(p.iadd(half, p.bits(127)), 23))
	return p.mul(y, p.shl(p.iadd(rest, p.bits(uint32(127+shift))), 23))
}

// expFlushed is exp x for x ≤ 0, and 0 where that is denormal.
func (p *prog) expFlushed(x value) value {
	x = p.max(p.num(-88), x) // where n is −127
	m, _, r := p.reduce(x)
	return p.mul(p.expReduced(r), p.power(m, 0))
}

// expm1Quarter is (exp(x) − 1)/4: exp(x) = 2ⁿ·(1 + (exp(r) − 1)) does not cancel
// if 1 is taken from 2ⁿ first.
func (p *prog) expm1Quarter(x value) value {
	s, e := p.expm1Parts(x, 89.5, -2)
	return p.fma(s, e, p.sub(s, p.num(0.25)))
}

// oneMinusExp is 1 − exp(x) for x ≤ 88.
func (p *prog) oneMinusExp(x value) value {
	s, e := p.expm1Parts(x, 88, 0)
	return p.fnma(s, e, p.sub(p.num(1), s))
}

// expm1Parts is s = 2^(n+shift) and e = exp(r) − 1, of min(x, most). Below −30 x
// makes no difference to exp(x) − 1.
func (p *prog) expm1Parts(x value, most float64, shift int) (s, e value) {
	x = p.min(p.num(most), x)
	x = p.max(p.num(-30), x)
	m, _, r := p.reduce(x)
	return p.power(m, shift), p.fma(p.mul(r, r), p.poly(r, expPoly...), r)
}

// log1pWithin is log(1+e), 0 ≤ e ≤ 1.
func (p *prog) log1pWithin(e value) value {
	return p.fma(p.mul(e, e), p.poly(e, softPoly[1:]...), e)
}

// log1pPlus is log(1+e) + c, 0 ≤ e ≤ 1, for less work and ½ ulp more.
func (p *prog) log1pPlus(e, c value) value { return p.fma(e, p.poly(e, softPoly...), c) }

// softplus is max(x, 0) + log(1 + exp(−|x|)).
func (p *prog) softplus(x value) value {
	e := p.expWithin(p.max(p.num(-104.5), p.neg(x)), 0)
	return p.add(p.log1pWithin(e), p.max(p.num(0), x))
}

// sigmoid is 1/(1+e) or e/(1+e), with e = exp(−|x|), by the sign of x.
func (p *prog) sigmoid(x, e value) value {
	top := p.blend(p.lt(x, p.num(0)), e, p.num(1))
	return p.div(top, p.add(e, p.num(1)))
}

// sigmoidExact is sigmoid without most of the error of 1+e, which counts double
// where e is small: e/(d+δ) = e/d·(1 − δ/d …), with δ what d = 1+e lost.
func (p *prog) sigmoidExact(x value) value {
	e := p.expWithin(p.max(p.num(-104.5), p.neg(x)), 0)
	top := p.blend(p.lt(x, p.num(0)), e, p.num(1))
	d := p.add(e, p.num(1))
	y := p.div(top, d)
	return p.fnma(y, p.sub(e, p.sub(d, p.num(1))), y)
}

// tanh is 1 − 2/(1 + exp 2|x|), near 0 a polynomial, with the sign of x.
func (p *prog) tanh(x value) value {
	a := p.abs(x)
	t := p.min(p.num(10), a)
	m, _, r := p.reduce(p.add(t, t))
	e := p.mul(p.expReduced(r), p.power(m, 0))
	big := p.sub(p.num(1), p.div(p.num(2), p.add(e, p.num(1))))
	sq := p.mul(a, a)
	small := p.fma(p.mul(a, sq), p.poly(sq, tanhPoly...), a)
	y := p.blend(p.lt(a, p.num(0.625)), small, big)
	return p.or(y, p.and(x, p.bits(0x80000000)))
}

// log1p splits 1+x = 2ᵏ·(1+m), −1/4 ≤ m ≤ 1/2, without rounding m where it
// matters: m = x·2⁻ᵏ + (2⁻ᵏ − 1), x·2⁻ᵏ by its exponent alone. Source of the
// split: N. Juffa, "Accurate log1p", NVIDIA developer forums, 2017.
func (p *prog) log1p(x value) value {
	k := p.and(p.isub(p.add(p.num(1), x), p.num(0.75)), p.bits(0xff800000)) // k·2²³
	four := p.isub(p.num(4), k)                                             // 4·2⁻ᵏ
	m := p.add(p.isub(x, k), p.fma(four, p.num(0.25), p.num(-1)))
	t := p.fma(m, p.poly(m, logPoly...), p.num(-0.5))
	y := p.fma(p.mul(m, m), t, m)
	kf := p.mul(p.float(k), p.num(0x1p-23))
	hi := float64(float32(math.Ln2))
	y = p.fma(kf, p.num(math.Ln2-hi), y)
	y = p.fma(kf, p.num(hi), y)
	// x itself near 0, where −0 stays; +Inf and NaN; then x ≤ −1.
	y = p.blend(p.lt(p.abs(x), p.num(0x1p-40)), x, y)
	y = p.blend(p.lt(x, p.bits(inf)), y, p.add(x, x))
	edge := p.blend(p.eq(x, p.num(-1)), p.bits(0xff800000), p.bits(0x7fc00000))
	return p.blend(p.le(x, p.num(-1)), edge, y)
}

// halfExpm1Minus is (exp(x) − 1 − x)/2, near 0 by a series that cannot cancel.
func (p *prog) halfExpm1Minus(x value) value {
	q := p.expm1Quarter(x)
	big := p.fnma(x, p.num(0.5), p.add(q, q))
	small := p.mul(p.mul(x, p.mul(x, p.num(0.25))), p.poly(x, klPoly...))
	return p.blend(p.le(p.abs(x), p.num(1)), small, big)
}
