// What each system call expects of its arguments, so that most generated calls get past the first check. One letter for
// each argument; those left out are zero.
#pragma once

#include <cstdint>

namespace ebb::fuzz {

// f descriptor            d directory descriptor   p path              b memory to write     r memory to read
// n size of memory        o file offset            g flags of open     m file mode           t timespec
// v buffer vector         c small count            a socket address    A place for one       L its length in memory
// M message header        s signal                 w 32-bit word       h mapped address      z size of mappings
// P protection            k small number           T timeout in ms     e epoll event         q poll entries
// D domain  Y type        O option of a socket     i thread id         E epoll operation     x anything
// l length of an address  S signal mask            Z 8: size of a mask
struct Signature {
  uint16_t number;
  const char* arguments;
};

constexpr Signature kSignatures[] = {
    {0, "fbn"},      {1, "frn"},      {2, "pgm"},      {3, "f"},       {4, "pb"},      {5, "fb"},     {6, "pb"},
    {7, "qcT"},      {8, "fok"},      {9, "hzPgfo"},   {10, "hzP"},    {11, "hz"},     {12, "h"},     {13, "srbZ"},
    {14, "kSbZ"},    {15, ""},        {16, "fkw"},     {17, "fbno"},   {18, "frno"},   {19, "fvc"},   {20, "fvc"},
    {21, "pk"},      {22, "b"},       {23, "cbbbt"},   {24, ""},       {25, "hzzkh"},  {26, "hzk"},   {27, "hzb"},
    {28, "hzk"},     {32, "f"},       {33, "ff"},      {34, ""},       {35, "tb"},     {39, ""},      {40, "ffwn"},
    {41, "DYk"},     {42, "fal"},     {43, "fAL"},     {44, "frnxal"}, {45, "fbnxAL"}, {46, "fMx"},   {47, "fMx"},
    {48, "fk"},      {49, "fal"},     {50, "fk"},      {51, "fAL"},    {52, "fAL"},    {53, "DYkb"},  {54, "fkOrl"},
    {55, "fkObL"},   {56, "xhwwx"},   {60, "k"},       {61, "ibkb"},   {62, "is"},     {63, "b"},     {72, "fkx"},
    {73, "fk"},      {74, "f"},       {75, "f"},       {76, "po"},     {77, "fo"},     {78, "fbn"},   {79, "bn"},
    {80, "p"},       {81, "f"},       {82, "pp"},      {83, "pm"},     {84, "p"},      {85, "pm"},    {86, "pp"},
    {87, "p"},       {88, "pp"},      {89, "pbn"},     {90, "pm"},     {91, "fm"},     {92, "pkk"},   {93, "fkk"},
    {94, "pkk"},     {95, "m"},       {96, "bb"},      {97, "kb"},     {98, "kb"},     {99, "b"},     {100, "b"},
    {115, "kb"},     {118, "bbb"},    {120, "bbb"},    {125, "bb"},    {127, "bZ"},    {128, "SbtZ"}, {130, "SZ"},
    {131, "rb"},     {132, "pr"},     {133, "pmx"},    {137, "pb"},    {138, "fb"},    {140, "ki"},   {143, "ib"},
    {144, "ikr"},    {157, "khxxx"},  {158, "kb"},     {186, ""},      {187, "fon"},   {188, "p"},    {190, "f"},
    {200, "is"},     {201, "b"},      {202, "wkktwk"}, {203, "inr"},   {204, "inb"},   {213, "k"},    {217, "fbn"},
    {218, "w"},      {221, "foxk"},   {228, "kb"},     {229, "kb"},    {230, "kktb"},  {231, "k"},    {232, "fbkT"},
    {233, "fEfe"},   {234, "iis"},    {235, "pr"},     {257, "dpgm"},  {258, "dpm"},   {259, "dpmx"}, {260, "dpkkg"},
    {261, "dpr"},    {262, "dpbg"},   {263, "dpg"},    {264, "dpdp"},  {265, "dpdpg"}, {266, "pdp"},  {267, "dpbn"},
    {268, "dpm"},    {269, "dpk"},    {270, "cbbbtr"}, {271, "qctSZ"}, {273, "w"},     {277, "foxg"}, {280, "dprg"},
    {281, "fbkTSZ"}, {283, "kg"},     {284, "k"},      {285, "fkoo"},  {286, "fkrb"},  {287, "fb"},   {288, "fALg"},
    {290, "kg"},     {291, "g"},      {292, "ffg"},    {293, "bg"},    {295, "fvco"},  {296, "fvco"}, {299, "fMkxt"},
    {302, "ikrb"},   {306, "f"},      {307, "fMkx"},   {309, "bb"},    {316, "dpdpk"}, {318, "bnk"},  {319, "pk"},
    {326, "fwfwnk"}, {327, "fvcoxk"}, {328, "fvcoxk"}, {332, "dpgxb"}, {436, "ffk"},   {439, "dpkg"}, {441, "fbktSZ"},
    {452, "dpmg"},   {36, "kb"},      {37, "k"},       {38, "krb"},    {129, "isr"},   {297, "iisr"},
};

}  // namespace ebb::fuzz
