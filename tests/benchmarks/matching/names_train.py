"""Names for learning and looking at; none of them stands in `names_test`. Frozen, see ERROR_MODEL.md.

Notation: see `scripts`. Cyrillic given names and stems are `ukrainian|russian`; Cyrillic endings are masculine and
feminine, Ukrainian and Russian: `m:f|m:f`.
"""
# ruff: noqa: RUF001 -- names in Cyrillic and with the dotless i

from typing import Final

from tests.benchmarks.matching.pools import Pool, pool

TRAIN: Final[dict[str, Pool]] = {
    "arabic": pool(
        "fAvima@ maryam lElA nUr rAnyA salmA samIra@ zEnab yAsmIn hudA dunyA 3A'iSa@ GAda@ HanAn rIm sAra@",
        "muHammad 3alI aHmad Hasan HusEn KAlid maHmUd yUsuf ibrAhIm 3umar karIm sAmir vAriq nabIl fAris 3abd+raHmAn",
        "al-mac al-Kav al-ja3 al-qad al-HAr dar fay hal kan mar nas cab al-Sar 3ab",
        "rI Ud wI mAn dI lI An Ir fI zI",
    ),
    "kurdish": pool(
        "avîn berfîn dilnaz evîn gulistan helîn jiyan nazdar rojîn rûken şîlan zozan",
        "azad baran diyar ferhad kawa mîran rêber rizgar serhat şivan zinar hêvîdar",
        "bar ber cud der hes kobar mîr roj ser zîv",
        "dar ewî han îkan oyan van xwaz",
    ),
    "dari": pool(
        "ArezU fereSta@ parvAna@ narges Sabnam Sokriya@ zohra@ marvA KAtera@ sadaf GonCa@ rOSan habiba@",
        "esmatollA farid jAvid mirvEs najib rahim sEyed zabihollA GolAm nAder rahmat naqib jomA",
        "akbar alim amir asad faqir Gafur hEdar jalAl nazar qAder sarvar",
        "i +zAd@ iAn yAr istAni Kel pur zE",
    ),
    "pashto": pool(
        "breKnA gulAlE malAlE sangA spogmE storE vrangA zarGunA",
        "asadollA gulAb hekmatollA jAnAn nangyAlE samiollA vali zalmE",
        "aCak babr Kog mang niAz orm Sin stAn",
        "zE Kel vAl yAni ak any",
    ),
    "persian": pool(
        "AzAd@ elAh@ mahsA minA nilufar parisA a'zam golnAz hengAm@",
        "amir araS behruz dAryuS farhAd navid rezA sa'id mehdi",
        "ebrahim farroK golest jahAngir kAzem mort nuri rostam sohr",
        "i Abadi Ani +zAd@ ifar iKAh inyA ipur",
    ),
    "ukrainian": pool(
        "олена|елена ірина|ирина катерина|екатерина наталія|наталья оксана|оксана світлана|светлана тетяна|татьяна"
        " юлія|юлия галина|галина марія|мария надія|надежда ганна|анна",
        "андрій|андрей богдан|богдан дмитро|дмитрий ігор|игорь іван|иван микола|николай олександр|александр"
        " сергій|сергей тарас|тарас василь|василий володимир|владимир петро|петр",
        "берез|берез довг|довг гавр|гавр лис|лис наз|наз остап|остап руд|руд ткал|ткал журав|журав хом|хом",
        "енко:енко|енко:енко чук:чук|чук:чук ський:ська|ский:ская ко:ко|ко:ко ишин:ишина|ишин:ишина юк:юк|юк:юк"
        " івський:івська|овский:овская",
    ),
    "russian": pool(
        "алина|алина вера|вера лидия|лидия полина|полина раиса|раиса софья|софья тамара|тамара ульяна|ульяна",
        "борис|борис вадим|вадим геннадий|геннадий денис|денис егор|егор кирилл|кирилл леонид|леонид никита|никита",
        "бел|бел гор|гор крас|крас озер|озер ряб|ряб син|син пол|пол",
        "ов:ова|ов:ова ин:ина|ин:ина овский:овская|овский:овская ев:ева|ев:ева кин:кина|кин:кина",
    ),
    "turkish": pool(
        "Aylin Ayşe Emine Esra Fatma Gülay Hatice Meryem Nurcan Özlem Şule Zeynep",
        "Mehmet Mustafa Ahmet Ali Burak Emre Hasan Hüseyin İbrahim Murat Ömer Yusuf",
        "Ak Boz Çam Demir Er Gök Kara Öz Şen Taş Yal",
        "oğlu kaya can çelik dağ dere gül ağaç alp bulut soy tepe",
    ),
    "tigrinya": pool(
        "abeba almaz azmera feven helen hiwet letebrIhan luwam mIHret selam senayt winta",
        "abel amanuel berhane danIel fIlmon goytom Hagos isayas kidane merHawi samuel yonas",
        "desta habte kIfle mebrahtu",
        "_",
    ),
    "somali": pool(
        "caSa fAduma hodan idil ifrax nasteho sagal sahra ubax habon",
        "maxamed cabdi axmed abSir fArax gUlEd ismAcIl lIbAn mahad warsame yUsuf",
        "abdi cali dahir",
        "_",
    ),
    "west_african": pool(
        "adama aysatU binta@ fatUmata hawa kadyatU maryama UmU",
        "mamadU abdUlayE alfa amadU bUbakar ibrahima lamin Usman",
        "bal kam kon dya fof kei mba sang",
        "dE ara ana ayo ila UbE Uma Ura UndE",
    ),
    "balkan": pool(
        "Arta Besa Dragana Elira Jelena Mirjeta Snežana Vjosa",
        "Agron Bekim Dragan Goran Ilir Luan Nenad Zoran",
        "Gash Kras Mark Petr Beg Rex",
        "ović i aj ić evski anaj",
    ),
    "german": pool(
        "Andrea Birgit Claudia Heike Katrin Monika Sabine Ute",
        "Bernd Dieter Frank Holger Jürgen Martin Stefan Uwe",
        "Birken Brunn Eichen Feld Groß Linden Mühl Stein",
        "mann meyer bauer berg hoff horst kamp stedt",
    ),
}
