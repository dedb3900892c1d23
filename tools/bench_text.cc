#include "tools/bench_text.h"

#include <array>

namespace fovea::tools {

std::span<const std::string_view> BenchParagraphs() {
  static constexpr std::array<std::string_view, 16> kParagraphs = {
      "The bakery on Mill Lane fires its oven at three in the morning. Rye dough rests overnight "
      "in linen-lined baskets, "
      "and the first loaves come out shortly before six. On Saturdays the bakers make forty extra "
      "loaves, because the "
      "market across the square brings visitors from the villages around.",
      "A suspension bridge carries its deck on vertical hangers that are tied to two main cables. "
      "The cables pass over the "
      "towers and end in anchorages of concrete, which take up the pull. Wind is the designer's "
      "chief worry: a deck that "
      "is too light begins to twist.",
      "Honeybees keep the brood nest at about thirty-five degrees. When it grows hot, some of the "
      "workers spread drops of "
      "water over the cells while others fan with their wings. In winter the colony forms a ball "
      "and shivers, living on "
      "the honey that was stored in summer.",
      "The night train leaves the capital at half past nine and reaches the coast at seven. Its "
      "dining car was taken out of "
      "service years ago, but the conductor still sells tea from an urn. Passengers with bicycles "
      "must book a place two "
      "days ahead.",
      "A hash table stores each key in a slot that is computed from the key itself. If two keys "
      "fall into the same slot, "
      "the table either chains them in a list or looks for the next free place. Once the share of "
      "full slots passes a "
      "limit, the table grows and every key moves.",
      "Glaciers flow under their own weight. The surface moves faster than the ice at the bed, "
      "where friction holds it "
      "back, and the middle faster than the edges. Where the slope steepens, the brittle upper "
      "layer tears open and "
      "crevasses appear, some of them thirty metres deep.",
      "Before the clarinet reached the orchestra, its ancestor the chalumeau had a range of little "
      "more than an octave. A "
      "maker in Nuremberg added two keys and a hole for the thumb, and the upper register opened. "
      "Composers took some "
      "decades to trust the new instrument.",
      "The allotment rules are short. Hedges must stay below one metre fifty, fires are forbidden "
      "from April to October, and "
      "each tenant gives six hours a year to common work. Water is turned off on the first of "
      "November so that the pipes "
      "do not burst.",
      "Vaccines teach the immune system without making it ill. Some hold a weakened virus, others "
      "a single protein from its "
      "coat, others again the instructions to build that protein. Memory cells remain for years "
      "and answer within days "
      "when the real virus arrives.",
      "In the year of the great flood the river rose to the third step of the town hall. A brass "
      "line beside the door marks "
      "the height. Afterwards the council moved the archive to the upper floor and paid for a dyke "
      "that has been raised "
      "twice since then.",
      "Sourdough is leavened by wild yeast and by bacteria that live together in the starter. The "
      "bacteria make acids, "
      "which keep other microbes away and give the bread its taste. A starter that is fed once a "
      "week survives in a "
      "refrigerator for a very long time.",
      "A sextant measures the angle between the horizon and a star. With the exact time and an "
      "almanac, the navigator turns "
      "the angle into a line on the chart. Two such lines cross where the ship is. Cloud, haze or "
      "a rolling deck can spoil "
      "the sight by several miles.",
      "The library lends books for four weeks and films for one. A loan can be renewed twice "
      "unless somebody else has asked "
      "for the item. Fines are small, twenty cents a day, but a reader who owes more than ten "
      "euros cannot borrow until "
      "they are paid.",
      "Transistors switch by letting a small voltage on the gate decide whether current may pass "
      "from source to drain. As "
      "they shrank, the insulating layer under the gate became so thin that electrons leaked "
      "through it, and makers turned "
      "to materials that insulate better at the same thickness.",
      "Marta kept the lighthouse for thirty-one winters. She wound the clockwork every four hours, "
      "trimmed the lamp and "
      "wrote the weather into a ledger. When the light was made electric she stayed on as "
      "caretaker, and the ledgers went "
      "to the maritime museum.",
      "Paper is made by spreading wet fibres on a sieve. As the water drains, the fibres settle "
      "across each other and hold "
      "together as they dry. Fillers such as chalk make the sheet white and smooth; sizing keeps "
      "the ink from running into "
      "the fibres.",
  };
  return kParagraphs;
}

std::span<const std::string_view> BenchQuestions() {
  static constexpr std::array<std::string_view, 6> kQuestions = {
      "When do the first loaves come out of the oven?",
      "How many hours a year must a tenant work for the allotments?",
      "How long may films be borrowed from the library?",
      "What does a sextant measure?",
      "How often did Marta wind the clockwork?",
      "What keeps ink from running into paper?",
  };
  return kQuestions;
}

}  // namespace fovea::tools
