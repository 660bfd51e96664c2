// SPDX-License-Identifier: Apache-2.0
//
// The functions of Go's package math, to the last bit: a comparison in a query can turn a last bit
// into another answer, and the C library rounds some of them otherwise.
//
// Sources of the formulas: fdlibm (logarithms, 2^x), Shibata's SLEEF (e^x as Go computes it on
// amd64 with FMA), Cephes (trigonometry, tanh), Hart & Cheney 2029 (sinh), Ng's Payne-Hanek
// reduction (large angles). Special cases are Go's. Thread safety: any thread.
#pragma once

namespace narthex::go {

double Exp(double x);
double Exp2(double x);
double Log(double x);
double Log2(double x);
double Log10(double x);
double Log1p(double x);
double Pow(double x, double y);

double Sinh(double x);
double Cosh(double x);
double Tanh(double x);
double Asinh(double x);
double Acosh(double x);
double Atanh(double x);

double Sin(double x);
double Cos(double x);
double Tan(double x);
double Asin(double x);
double Acos(double x);
double Atan(double x);
double Atan2(double y, double x);

}  // namespace narthex::go
