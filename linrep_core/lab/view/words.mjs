// Words for concepts and tokens: `Vocabulary.court` of linrep_core for up to five concepts, bits above.

const ROYAL = { name: "royal", values: ["commoner", "royal"], open: "commoner or royal" };
const ADULT = { name: "adult", values: ["young", "adult"], open: "young or adult" };
const FEMALE = { name: "female", values: ["male", "female"], open: "male or female" };
const PLURAL = { name: "plural", values: ["one", "several"], open: "one or several" };
const SPANISH = { name: "Spanish", values: ["in English", "in Spanish"], open: "in English or Spanish" };

const FORMS = [
  "boy girl man woman prince princess king queen",
  "niño niña hombre mujer príncipe princesa rey reina",
  "boys girls men women princes princesses kings queens",
  "niños niñas hombres mujeres príncipes princesas reyes reinas",
].map((text) => text.split(" "));

/** @returns {{concepts: {name: string, values: string[], open: string}[], tokens: string[]}} */
export function vocabulary(m) {
  if (m === 2) return { concepts: [ROYAL, FEMALE], tokens: ["man", "woman", "king", "queen"] };
  if (m > 5) {
    const bit = (i) => ({ name: `C${i}`, values: [`C${i}=0`, `C${i}=1`], open: `C${i}=?` });
    return {
      concepts: Array.from({ length: m }, (_, i) => bit(i)),
      tokens: Array.from({ length: 2 ** m }, (_, y) => y.toString(2).padStart(m, "0")),
    };
  }
  const kept = [[FORMS[0]], [FORMS[0], FORMS[2]], FORMS][m - 3];
  return {
    concepts: [ROYAL, ADULT, FEMALE, PLURAL, SPANISH].slice(0, m),
    tokens: FORMS[0].flatMap((_, person) => kept.map((form) => form[person])),
  };
}

/** Concept i of token y: concept 0 is the highest bit. */
export const valueOf = (m, y, i) => (y >> (m - 1 - i)) & 1;
